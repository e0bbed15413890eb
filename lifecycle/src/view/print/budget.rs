//! The worst case of what `shutdown_timeout` is spent on.

use std::time::Duration;

use crate::plan::Plan;

/// The parts, in the order of time. Their sum is `limit + over`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) lame_duck: Duration,
    pub(super) drain: Duration,
    /// The longest chain of stops; all of the remaining time if any stop has a share of it.
    pub(super) stop: Duration,
    pub(super) emergency: Duration,
    /// The time that is reserved for nothing.
    pub(super) margin: Duration,
    /// By how much the parts exceed the limit.
    pub(super) over: Duration,
    pub(super) limit: Duration,
}

impl Budget {
    /// `stops`: the fixed time of the longest chain, and whether there are shares.
    pub(super) fn of(plan: &Plan, (stop, shares): (Duration, bool)) -> Self {
        let limits = plan.limits;
        let fixed = [limits.lame_duck, limits.drain, stop, limits.emergency];
        let sum = fixed
            .into_iter()
            .fold(Duration::ZERO, Duration::saturating_add);
        let remaining = limits.shutdown.saturating_sub(sum);
        let (shared, margin) = if shares {
            (remaining, Duration::ZERO)
        } else {
            (Duration::ZERO, remaining)
        };
        Self {
            lame_duck: limits.lame_duck,
            drain: limits.drain,
            stop: stop.saturating_add(shared),
            emergency: limits.emergency,
            margin,
            over: sum.saturating_sub(limits.shutdown),
            limit: limits.shutdown,
        }
    }

    /// The time that remains for the stops if lame duck and drain use all of theirs.
    pub(super) fn window(&self) -> Duration {
        self.limit
            .saturating_sub(self.lame_duck)
            .saturating_sub(self.drain)
            .saturating_sub(self.emergency)
    }
}
