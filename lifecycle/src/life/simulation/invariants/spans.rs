//! The timeline: what each component was at follows one another up to the end, and is what its code was called for.

use std::time::Duration;

use super::super::evidence::{Seen, Stage, What};
use crate::life::outcome::Fate;
use crate::life::track::{Activity, Mark};

pub(super) fn check(seen: &Seen<'_>) {
    let outcome = &seen.story.outcome;
    let marks = &outcome.marks;
    assert!(marks.is_sorted_by_key(|(_, at)| *at), "{marks:?}");
    let end = marks.iter().find(|(mark, _)| *mark == Mark::End);
    let (_, end) = *end.expect("it has an end");
    // What the app's own scope says is written down for main's body, also where that did not run.
    let body = outcome.body.iter().filter(|body| !body.spans.is_empty());
    for fate in outcome.fates.iter().chain(body) {
        follow_each_other(fate, end);
    }
    for id in 0..seen.world.resources.len() {
        let fate = seen.fate(id);
        for (activity, what) in [
            (Activity::Running, None),
            (Activity::Stopping, Some(What::Called(Stage::Stop))),
            (Activity::Emergency, Some(What::Emergency)),
        ] {
            let shown = fate.spans.iter().any(|span| span.activity == activity);
            let happened = what.map_or(seen.is_up(id), |what| seen.count(id, what) > 0);
            let may_differ = match activity {
                // A component without a hook stops, too.
                Activity::Stopping => shown,
                // It may still be called when nobody waits for it any more.
                Activity::Emergency => happened && not_begun(fate),
                _ => false,
            };
            assert!(
                shown == happened || may_differ,
                "{}: {activity:?} in {:?}",
                fate.name,
                fate.spans
            );
        }
    }
}

/// That its emergency hook was still to be called when its share was over.
fn not_begun(fate: &Fate) -> bool {
    let mut errors = fate.errors.iter();
    errors.any(|error| error.contains("was not begun in its share"))
}

fn follow_each_other(fate: &Fate, end: Duration) {
    let spans = &fate.spans;
    assert!(spans.iter().all(|span| span.begin <= span.end), "{fate:?}");
    assert!(spans.last().is_some_and(|span| span.end <= end), "{fate:?}");
    for (before, after) in spans.iter().zip(&spans[1..]) {
        assert_eq!(before.end, after.begin, "{fate:?}");
        assert_ne!(before.activity, after.activity, "{fate:?}");
    }
}
