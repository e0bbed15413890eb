//! The time limits of an app: [`Limits`], and the budget of its shutdown.

use std::time::Duration;

use crate::api::settings::Settings;
use crate::base::duration::LONGEST;
use crate::plan::component::Component;
use crate::plan::graph::{Node, examined};
use crate::proof::budget::{self, Budget};
use crate::proof::graph as proof_graph;

/// The least emergency reserve, whatever it is set to: without any there would be no time to write the report.
const LEAST_RESERVE: Duration = Duration::from_millis(50);
/// The part of the default drain that is reserved for each `stop` without a timeout on the longest chain.
const SHARE_KEPT: Duration = Duration::from_secs(1);

/// The time limits of an app, with its settings, defaults and bounds applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) shutdown: Duration,
    pub(crate) drain: Duration,
    pub(crate) lame_duck: Duration,
    pub(crate) emergency: Duration,
    pub(crate) startup: Duration,
}

impl Limits {
    /// `stop` is the longest chain of timeouts, `shares` the largest number of resources without one on a chain.
    pub(super) fn new(
        settings: Settings,
        stop: Duration,
        shares: u32,
        components: &[Component],
    ) -> Self {
        let window = settings
            .total()
            .saturating_sub(settings.lame_duck_time())
            .saturating_sub(settings.emergency_time())
            .saturating_sub(stop);
        let drain = settings
            .drain_timeout
            .unwrap_or_else(|| default_drain(window, shares));
        let limits = Self {
            shutdown: settings.total(),
            drain: budget::workers(Some(drain), &worker_times(components)),
            lame_duck: settings.lame_duck_time(),
            emergency: emergency_reserve(settings.emergency_time(), settings.total()),
            startup: settings.startup_time(),
        };
        limits.bounded()
    }

    /// Replaces longer limits, which mean "no limit", by a year: adding them to an `Instant` could overflow.
    fn bounded(self) -> Self {
        let bounded = |time: Duration| time.min(LONGEST);
        Self {
            shutdown: bounded(self.shutdown),
            drain: bounded(self.drain),
            lame_duck: bounded(self.lame_duck),
            emergency: bounded(self.emergency),
            startup: bounded(self.startup),
        }
    }
}

/// The drain of an app without `drain_timeout`. `window` is the time that neither the lame duck nor the emergency
/// reserve nor the longest chain of timeouts needs. A second of it is reserved for each `stop` without a timeout, of
/// which `shares` are on one chain, but no more than a quarter.
fn default_drain(window: Duration, shares: u32) -> Duration {
    let reserved = (SHARE_KEPT * shares).min(window / 4);
    (window - reserved).max(budget::LEAST_DRAIN)
}

/// The emergency reserve that applies: at least [`LEAST_RESERVE`], at most half of the whole shutdown.
fn emergency_reserve(setting: Duration, total: Duration) -> Duration {
    setting.max(LEAST_RESERVE).min(total / 2)
}

/// The orders and timeouts of the workers, for the budget.
fn worker_times(components: &[Component]) -> Vec<proof_graph::Node> {
    components
        .iter()
        .filter(|component| component.is_worker())
        .map(|worker| proof_graph::Node {
            order: worker.order,
            timeout: worker.timeout,
            ..proof_graph::Node::PLAIN
        })
        .collect()
}

/// Returns the sum of the explicit times along the shutdown, and a warning if they do not fit.
///
/// The compiler has checked the components that it could see. Other crates and the environment can still add time,
/// which is no error: the shares of the components without a timeout shrink, and the deadline aborts what does not end.
pub(super) fn budget(
    name: &str,
    settings: Settings,
    nodes: &[Node],
    components: &[Component],
) -> (Budget, Option<String>) {
    let (stop, chain) = budget::resources(examined(nodes).graph());
    let budget = Budget {
        lame_duck: settings.lame_duck_time(),
        drain: budget::workers(settings.drain_timeout, &worker_times(components)),
        stop,
        emergency: settings.emergency_time(),
    };
    let chain: Vec<(&str, Duration)> = chain
        .iter()
        .map(|id| &nodes[*id as usize])
        .map(|node| (node.name.as_str(), node.timeout().unwrap_or_default()))
        .collect();
    let warning = (!budget.fits(settings.total())).then(|| {
        format!(
            "{}; what does not fit will be aborted",
            budget.message(name, &chain, settings.total()).as_str()
        )
    });
    (budget, warning)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_default_drain_reserves_a_second_for_each_share_and_at_most_a_quarter() {
        for (window, shares, drain) in [(24, 0, 24), (24, 3, 21), (24, 9, 18), (24, u32::MAX, 18)] {
            assert_eq!(
                default_drain(seconds(window), shares),
                seconds(drain),
                "{shares} shares"
            );
        }
    }

    #[test]
    fn the_default_drain_is_never_shorter_than_its_least() {
        assert_eq!(default_drain(Duration::ZERO, 5), budget::LEAST_DRAIN);
        assert_eq!(default_drain(seconds(1), 0), budget::LEAST_DRAIN);
    }

    #[test]
    fn the_emergency_reserve_leaves_time_for_the_report_and_half_of_the_shutdown() {
        let total = seconds(10);
        assert_eq!(emergency_reserve(Duration::ZERO, total), LEAST_RESERVE);
        assert_eq!(emergency_reserve(seconds(2), total), seconds(2));
        assert_eq!(emergency_reserve(seconds(9), total), seconds(5));
        let short = Duration::from_millis(20);
        assert_eq!(emergency_reserve(Duration::ZERO, short), short / 2);
    }
}
