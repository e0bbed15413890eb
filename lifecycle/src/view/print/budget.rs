//! What `shutdown_timeout` is spent on, at worst.

use std::time::Duration;

use crate::plan::Plan;

/// The parts, in their order. Together they are the whole, unless there is more than fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) lame_duck: Duration,
    pub(super) drain: Duration,
    /// The longest chain of stops; all that is left where some have a share of it.
    pub(super) stop: Duration,
    pub(super) emergency: Duration,
    /// What nobody was promised.
    pub(super) margin: Duration,
    /// By how much they are more than there is.
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
        let left = limits.shutdown.saturating_sub(sum);
        let (shared, margin) = if shares {
            (left, Duration::ZERO)
        } else {
            (Duration::ZERO, left)
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

    /// What is left for the stops when lame duck and drain take all of their time.
    pub(super) fn window(&self) -> Duration {
        self.limit
            .saturating_sub(self.lame_duck)
            .saturating_sub(self.drain)
            .saturating_sub(self.emergency)
    }
}
