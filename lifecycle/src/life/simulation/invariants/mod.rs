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

use super::evidence::{Seen, Story, What, millis, text_of};
use super::world::Outside;
use crate::error::panic::panic_message;

/// Panics with what is wrong in this story; a replay of a seed prints all of it.
pub(super) fn check(story: &Story) {
    let checked = catch_unwind(AssertUnwindSafe(|| check_all(story)));
    if let Err(payload) = checked {
        if std::env::var_os("LIFECYCLE_SEED").is_some() {
            eprintln!("{}", text_of(story));
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
    let mut abandoned = Vec::new();
    let drain = drain::check(&seen, &runs, &mut abandoned);
    let endings = stops::check(&seen, drain.as_ref());
    hooks::check(&seen, &endings);
    work::check(&seen, drain.as_ref());
    spans::check(&seen);
    tasks(&seen);
    cause::check(&seen, &runs, drain.as_ref(), &abandoned, &endings);
}

/// A task that is cancelled is dropped at once here: all end, as long as there is time.
fn tasks(seen: &Seen<'_>) {
    let outcome = &seen.story.outcome;
    for outcome in outcome.components.iter().chain(&outcome.body) {
        assert!(
            outcome.unfinished_tasks.is_empty() || seen.out_of_time().is_some(),
            "{} has tasks that were not waited for",
            outcome.name
        );
    }
}

/// The whole is within the deadline, and once only the emergency layer remains the life ends at once: the emergency hooks take no time of this clock.
fn deadline(seen: &Seen<'_>) {
    let cause = seen.cause().at;
    let took = seen.story.ended - cause;
    assert!(took <= millis(seen.world.shutdown), "it took {took:?}");
    assert_eq!(
        seen.story.outcome.shutdown, took,
        "the report says how long"
    );
    let Some(end) = seen.out_of_time() else {
        return;
    };
    assert_eq!(seen.story.ended, end.at, "it is out of time, and goes on");
    let forced = seen
        .of(seen.world.outside_id())
        .iter()
        .find(|(_, what)| matches!(what, What::Sent(Outside::Forced(_) | Outside::Exited(_))));
    let at = forced.map_or(seen.reserve(), |(spot, _)| spot.at.min(seen.reserve()));
    let heard = at..=at + seen.blocked();
    assert!(
        heard.contains(&end.at),
        "the emergency layer begins at the reserve, or when forced"
    );
}
