//! Admitted work is finished or reported as aborted; refused work was never started.

use super::drain::Drain;
use crate::life::simulation::evidence::{Seen, What};

pub(super) fn check(seen: &Seen<'_>, drain: Option<&Drain>) {
    let closed = seen.draining().or(seen.out_of_time());
    let cut_at = drain
        .map(|drain| drain.over)
        .or(seen.out_of_time().map(|over| over.at));
    let (mut least, mut most) = (0, 0);
    for unit in 0..seen.world.units.len() {
        let id = seen.world.unit_id(unit);
        let finished = seen.first(id, What::Finished);
        if let Some(refused) = seen.first(id, What::Refused) {
            assert!(
                closed.is_some_and(|closed| closed.is_before(refused)),
                "work was refused before the drain"
            );
            assert_eq!(finished, None, "work was refused and done");
        }
        let Some(admitted) = seen.first(id, What::Admitted) else {
            continue;
        };
        assert!(
            closed.is_none_or(|closed| admitted.is_before(closed)),
            "work was admitted while draining"
        );
        let Some(cut_at) = cut_at else {
            assert!(finished.is_some(), "work was neither finished nor aborted");
            continue;
        };
        least += u64::from(finished.is_none_or(|finished| finished.at > cut_at));
        most += u64::from(finished.is_none_or(|finished| finished.at >= cut_at));
    }
    // It has been waited for to its end.
    if drain.is_some_and(|drain| drain.over < drain.end) {
        most = least;
    }
    let aborted = seen
        .story
        .outcome
        .aborted_work
        .iter()
        .map(|(_, units)| units)
        .sum();
    assert!(
        (least..=most).contains(&aborted),
        "{least} to {most} units of work were aborted, reported are {aborted}"
    );
}
