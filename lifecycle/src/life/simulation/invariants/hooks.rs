//! How often the hooks of a resource are called, in what order, and what is reported of it.

use super::starts::before;
use super::stops::Ending;
use crate::api::cleanup_layer::CleanupLayer;
use crate::life::simulation::evidence::{Seen, Stage, What};
use crate::life::simulation::world::End;

pub(super) fn check(seen: &Seen<'_>, endings: &[Ending]) {
    for (id, ending) in endings.iter().enumerate() {
        calls(seen, id, *ending);
        order(seen, id);
        report(seen, id, *ending);
    }
}

fn calls(seen: &Seen<'_>, id: usize, ending: Ending) {
    let resource = &seen.world.resources[id];
    let stops = seen.count(id, What::Called(Stage::Stop));
    let emergencies = seen.count(id, What::Emergency);
    let (least, most) = match ending {
        Ending::NeverUp => (0, 0),
        Ending::Clean
        | Ending::CleanButAborted
        | Ending::CleanThenOutOfTime
        | Ending::Failed
        | Ending::FailedAsItEnded => (1, 1),
        Ending::OutOfTime(_) => (0, 1),
    };
    let has = usize::from(resource.stop.is_some());
    assert!(
        (least * has..=most * has).contains(&stops),
        "r{id} ({ending:?}) got {stops} stops"
    );
    let (least, most) = match ending {
        Ending::NeverUp | Ending::Clean | Ending::CleanButAborted | Ending::CleanThenOutOfTime => {
            (0, 0)
        }
        Ending::Failed | Ending::OutOfTime(false) => (1, 1),
        Ending::FailedAsItEnded => (0, 1),
        // Not due where the stop has ended gracefully at that very instant.
        Ending::OutOfTime(true) => (usize::from(!ended_gracefully(seen, id)), 1),
    };
    let has = usize::from(resource.emergency.is_some());
    assert!(
        (least * has..=most * has).contains(&emergencies),
        "r{id} ({ending:?}) got {emergencies} emergency hooks"
    );
}

fn ended_gracefully(seen: &Seen<'_>, id: usize) -> bool {
    let graceful = [End::Ok, End::Expected].map(|end| What::Ended(Stage::Stop, end));
    seen.world.resources[id].stop.is_none()
        || seen.find(id, |what| graceful.contains(&what)).is_some()
}

/// What it needs stops only when it has ended, with its emergency hook and its destructor.
fn order(seen: &Seen<'_>, id: usize) {
    let is_part = |what| {
        matches!(
            what,
            What::Called(Stage::Stop) | What::Ended(Stage::Stop, _) | What::Emergency
        )
    };
    let of_own = |what| matches!(what, What::Ended(Stage::Task, _) | What::Dropped);
    // The end of what was aborted is not waited for.
    let aborted = seen.find(id, |what| what == What::Aborted(Stage::Stop));
    let last = seen.last(id, is_part).map(|(spot, _)| spot);
    let own = seen.own(id).filter(|(_, what)| of_own(*what)).last();
    let last = last.into_iter().chain(own.map(|(spot, _)| spot));
    let last = last.max_by_key(|spot| spot.position);
    let called = seen.first(id, What::Called(Stage::Stop));
    for other in before(&seen.world.resources, id) {
        let Some(stop) = seen.first(other, What::Called(Stage::Stop)) else {
            continue;
        };
        if !seen.is_up(id) {
            continue;
        }
        assert!(
            seen.world.resources[id].stop.is_none()
                || called.is_some_and(|called| called.is_before(stop)),
            "r{other} stopped before r{id}"
        );
        assert!(
            aborted.is_none_or(|aborted| aborted.at <= stop.at),
            "r{other} stopped before r{id} was aborted"
        );
        let slow = seen.world.resources[id].has_threads();
        assert!(
            slow || last.is_none_or(|last| last.is_before(stop)),
            "r{other} stopped before r{id} had ended"
        );
    }
}

fn report(seen: &Seen<'_>, id: usize, ending: Ending) {
    let outcome = seen.outcome(id);
    let expected = match ending {
        Ending::NeverUp | Ending::OutOfTime(true) => return,
        Ending::Clean => (CleanupLayer::Safe, CleanupLayer::Safe),
        Ending::CleanButAborted | Ending::CleanThenOutOfTime => {
            (CleanupLayer::Safe, CleanupLayer::Timeout)
        }
        Ending::FailedAsItEnded => (CleanupLayer::Timeout, CleanupLayer::Emergency),
        Ending::Failed | Ending::OutOfTime(false) => (CleanupLayer::Safe, CleanupLayer::Emergency),
    };
    assert!(
        (expected.0..=expected.1).contains(&outcome.layer),
        "r{id} ({ending:?}) is reported as {:?}",
        outcome.layer
    );
    if ending == Ending::Failed && seen.world.resources[id].emergency.is_some() {
        assert_eq!(
            outcome.layer,
            CleanupLayer::Emergency,
            "r{id} needed its emergency hook"
        );
    }
    if matches!(
        ending,
        Ending::Clean | Ending::CleanButAborted | Ending::Failed | Ending::FailedAsItEnded
    ) {
        let unclean = ending != Ending::Clean;
        assert_eq!(
            outcome.unclean, unclean,
            "r{id} ({ending:?}) is reported: {:?}",
            outcome.errors
        );
        assert_eq!(
            outcome.errors.is_empty(),
            !unclean,
            "r{id}: {:?}",
            outcome.errors
        );
    }
}
