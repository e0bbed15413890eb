//! The timeline: what each component was at follows one another up to the end, and is what its code was called for.

use std::time::Duration;

use super::super::evidence::{Seen, Stage, What};
use crate::life::outcome::ComponentOutcome;
use crate::life::track::{Activity, Mark};

pub(super) fn check(seen: &Seen<'_>) {
    let outcome = &seen.story.outcome;
    let marks = &outcome.marks;
    assert!(marks.is_sorted_by_key(|(_, at)| *at), "{marks:?}");
    let end = marks.iter().find(|(mark, _)| *mark == Mark::End);
    let (_, end) = *end.expect("it has an end");
    // What the app's own scope says is written down for main's body, also where that did not run.
    let body = outcome.body.iter().filter(|body| !body.spans.is_empty());
    for outcome in outcome.components.iter().chain(body) {
        follow_each_other(outcome, end);
    }
    for id in 0..seen.world.resources.len() {
        let outcome = seen.outcome(id);
        for (activity, what) in [
            (Activity::Running, None),
            (Activity::Stopping, Some(What::Called(Stage::Stop))),
            (Activity::Emergency, Some(What::Emergency)),
        ] {
            let shown = outcome.spans.iter().any(|span| span.activity == activity);
            let happened = what.map_or(seen.is_up(id), |what| seen.count(id, what) > 0);
            let may_differ = match activity {
                // A component without a hook stops, too.
                Activity::Stopping => shown,
                // It may still be called when it is not waited for any more.
                Activity::Emergency => happened && not_begun(outcome),
                _ => false,
            };
            assert!(
                shown == happened || may_differ,
                "{}: {activity:?} in {:?}",
                outcome.name,
                outcome.spans
            );
        }
    }
}

/// That its emergency hook was still to be called when its share was over.
fn not_begun(outcome: &ComponentOutcome) -> bool {
    let mut errors = outcome.errors.iter();
    errors.any(|error| error.contains("was not begun in its share"))
}

fn follow_each_other(outcome: &ComponentOutcome, end: Duration) {
    let spans = &outcome.spans;
    assert!(
        spans.iter().all(|span| span.begin <= span.end),
        "{outcome:?}"
    );
    assert!(
        spans.last().is_some_and(|span| span.end <= end),
        "{outcome:?}"
    );
    for (before, after) in spans.iter().zip(&spans[1..]) {
        assert_eq!(before.end, after.begin, "{outcome:?}");
        assert_ne!(before.activity, after.activity, "{outcome:?}");
    }
}
