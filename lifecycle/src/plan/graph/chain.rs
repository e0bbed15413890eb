//! [`Chain`]: what stops after a resource, and how much of the remaining time that allows it.

use std::time::Duration;

use super::node::Cost;

/// Resources that stop one after the other: the sum of their timeouts, and how many have none and take a share of the
/// remaining time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Chain {
    pub(crate) fixed: Duration,
    pub(crate) shares: u32,
    /// How many have something to stop, with a timeout or without.
    pub(crate) components: u32,
}

impl Chain {
    /// The chain with one more at its end.
    pub(super) fn then(mut self, cost: Cost) -> Self {
        match cost {
            Cost::Nothing => return self,
            Cost::Fixed(time) => self.fixed += time,
            Cost::Share => self.shares += 1,
        }
        self.components += 1;
        self
    }

    /// The part of the remaining time that the chain allows what stops before it. `own` is 1 if that takes a share as
    /// well, or 0 if it has a timeout.
    ///
    /// The fixed times are set aside, and all shares of the rest are equal. Where even the fixed times no longer fit,
    /// all parts are equal: what is aborted then is aborted by the deadline, not by the plan.
    pub(super) fn part(&self, own: u32, remaining: Duration) -> Duration {
        match remaining.checked_sub(self.fixed) {
            Some(rest) if !rest.is_zero() => {
                rest.checked_div(own * (self.shares + own)).unwrap_or(rest)
            }
            _ => remaining / (1 + self.components),
        }
    }
}

/// How many chains are kept for a resource. Beyond that they are merged into one that is worse than each of them, so that
/// the plan stays linear.
const MOST_CHAINS: usize = 8;

/// The chains that no other one covers: none has both as many shares and as much fixed time.
pub(super) fn uncovered(mut chains: Vec<Chain>) -> Vec<Chain> {
    chains.sort_unstable_by_key(|chain| std::cmp::Reverse((chain.shares, chain.fixed)));
    let mut fixed = None;
    chains.retain(|chain| {
        let keep = fixed.is_none_or(|fixed| chain.fixed > fixed);
        if keep {
            fixed = Some(chain.fixed);
        }
        keep
    });
    while chains.len() > MOST_CHAINS {
        let last = chains.pop().unwrap_or_default();
        if let Some(previous) = chains.last_mut() {
            previous.fixed = previous.fixed.max(last.fixed);
        }
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn few_chains_are_kept_and_none_that_another_covers() {
        let chain = |shares: u32, fixed: u64| Chain {
            shares,
            fixed: secs(fixed),
            components: 0,
        };
        let brief = |chains: Vec<Chain>| -> Vec<(u32, u64)> {
            let brief = |chain: &Chain| (chain.shares, chain.fixed.as_secs());
            chains.iter().map(brief).collect()
        };
        assert_eq!(brief(uncovered(vec![chain(1, 5), chain(2, 5)])), [(2, 5)]);
        // Each has a share less and a second more than the one before.
        let steps = |number: u32| (0..number).map(move |step| chain(number - step, step.into()));
        let most = u32::try_from(MOST_CHAINS).unwrap();
        assert_eq!(uncovered(steps(most).collect()).len(), MOST_CHAINS);
        let merged = brief(uncovered(steps(most + 2).collect()));
        assert_eq!(merged.len(), MOST_CHAINS);
        assert_eq!(
            merged[MOST_CHAINS - 1],
            (3, 9),
            "the worst of what it stands for"
        );
    }

    #[test]
    fn shares_of_what_the_fixed_times_do_not_take_are_equal() {
        let chain = Chain {
            fixed: secs(4),
            shares: 2,
            components: 3,
        };
        assert_eq!(chain.part(1, secs(10)), secs(2));
        assert_eq!(chain.part(0, secs(10)), secs(6), "a timeout is no share");
        for own in [0, 1] {
            assert_eq!(chain.part(own, secs(4)), secs(1), "a quarter for each");
            assert_eq!(chain.part(own, Duration::ZERO), Duration::ZERO);
        }
    }
}
