//! [`DrainSequence`]: in which groups workers are asked to stop, and which share of the drain each group has.

use std::time::Duration;

use crate::plan::Plan;
use crate::plan::component::Id;

/// The workers in the order in which they are asked to stop: those without an order first, then the highest order.
pub(super) struct DrainSequence {
    pub(super) groups: Vec<Vec<Id>>,
    /// For each group: its fixed time, or none where one of it has no timeout.
    times: Vec<Option<Duration>>,
}

impl DrainSequence {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut groups: Vec<Vec<Id>> = plan.groups.iter().rev().cloned().collect();
        let unordered =
            |group: &Vec<Id>| group.iter().all(|id| plan.components[*id].order.is_none());
        if !groups.first().is_some_and(unordered) {
            // Main's body goes first in any case.
            groups.insert(0, Vec::new());
        }
        let time = |group: &Vec<Id>| {
            group
                .iter()
                .map(|id| plan.components[*id].timeout)
                .try_fold(Duration::ZERO, |most, time| Some(most.max(time?)))
        };
        let times = groups.iter().map(time).collect();
        Self { groups, times }
    }

    /// The time of those without a timeout in that step, of what remains of the drain: what later groups have fixed is
    /// theirs, and the others have equal shares.
    pub(super) fn share(&self, step: usize, remaining: Duration) -> Duration {
        let after = &self.times[step + 1..];
        let fixed: Duration = after.iter().flatten().sum();
        let shares = u32::try_from(after.iter().filter(|time| time.is_none()).count())
            .unwrap_or(u32::MAX - 1);
        remaining.saturating_sub(fixed) / (1 + shares)
    }

    pub(super) fn is_last(&self, step: usize) -> bool {
        step + 1 == self.groups.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn sequence(times: &[Option<u32>]) -> DrainSequence {
        DrainSequence {
            groups: vec![Vec::new(); times.len()],
            times: times
                .iter()
                .map(|time| time.map(|seconds| seconds * SECOND))
                .collect(),
        }
    }

    #[test]
    fn groups_without_a_timeout_share_what_the_fixed_times_of_later_groups_leave_over() {
        let sequence = sequence(&[None, Some(2), None, None]);
        assert_eq!(sequence.share(0, 11 * SECOND), 3 * SECOND);
        assert_eq!(sequence.share(1, 8 * SECOND), 8 * SECOND / 3);
        assert_eq!(sequence.share(2, 6 * SECOND), 3 * SECOND);
        assert!(sequence.is_last(3));
        assert_eq!(sequence.share(3, 3 * SECOND), 3 * SECOND);
    }

    #[test]
    fn fixed_times_that_fill_the_drain_leave_no_share() {
        let sequence = sequence(&[None, Some(20)]);
        assert_eq!(sequence.share(0, 10 * SECOND), Duration::ZERO);
    }
}
