//! What holds in every world. What is expected follows from the world and from what its code did and when, by the
//! rules alone: nothing is asked of the driver but its report and the instants at which it announced its phases.

mod cause;
mod drain;
mod hooks;
mod runs;
mod spans;
mod starts;
mod stops;
mod work;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::evidence::{Seen, Story, What, millis, told};
use crate::error::panic::panic_message;

/// Panics with what is wrong in this story; whoever replays a seed is told all of it.
pub(super) fn check(story: &Story) {
    let checked = catch_unwind(AssertUnwindSafe(|| check_all(story)));
    if let Err(payload) = checked {
        if std::env::var_os("LIFECYCLE_SEED").is_some() {
            eprintln!("{}", told(story));
        }
        let message = panic_message(&*payload);
        panic!(
            "{message}, with {:?} at these steps of {}",
            story.script, story.steps
        );
    }
}

fn check_all(story: &Story) {
    let seen = Seen::new(story);
    deadline(&seen);
    starts::check(&seen);
    let runs = runs::check(&seen);
    let mut gave_up = Vec::new();
    let drain = drain::check(&seen, &runs, &mut gave_up);
    let endings = stops::check(&seen, drain.as_ref());
    hooks::check(&seen, &endings);
    work::check(&seen, drain.as_ref());
    spans::check(&seen);
    tasks(&seen);
    cause::check(&seen, &runs, drain.as_ref(), &gave_up, &endings);
}

/// A task that is cancelled is dropped at once here: none is given up, as long as the plan is followed.
fn tasks(seen: &Seen<'_>) {
    let outcome = &seen.story.outcome;
    for outcome in outcome.components.iter().chain(&outcome.body) {
        assert!(
            outcome.unfinished_tasks.is_empty() || seen.over().is_some(),
            "{} was left with tasks that it did not wait for",
            outcome.name
        );
    }
}

/// The whole is within the deadline, and what is over ends at once: the emergency hooks take no time of this clock.
fn deadline(seen: &Seen<'_>) {
    let cause = seen.cause().at;
    let took = seen.story.ended - cause;
    assert!(took <= millis(seen.world.shutdown), "it took {took:?}");
    assert_eq!(
        seen.story.outcome.shutdown, took,
        "the report says how long"
    );
    let Some(over) = seen.over() else { return };
    assert_eq!(seen.story.ended, over.at, "it is over, and goes on");
    let forced = seen
        .of(seen.world.outside_id())
        .iter()
        .find(|(_, what)| matches!(what, What::Sent(super::world::Outside::Forced(_))));
    let at = forced.map_or(seen.reserve(), |(spot, _)| spot.at.min(seen.reserve()));
    let heard = at..=at + seen.blocked();
    assert!(
        heard.contains(&over.at),
        "the plan is left at the reserve, or when forced"
    );
}
