//! The time for workers to end.

use std::time::Duration;

use super::order::{order, sort_by_order};
use super::time::{add, max, nanos};
use crate::proof::graph::Node;

/// The least time for a drain without a `drain_timeout`.
pub(crate) const LEAST_DRAIN: Duration = Duration::from_secs(5);

/// How long the drain may take: the larger of the explicit time, or else the least, and the chain of the workers. Workers
/// are asked to stop group by group, those without an order first; a group takes as long as its longest explicit timeout.
///
/// `words` is at least as long as there are workers.
pub(crate) const fn drain(
    explicit: Option<Duration>,
    workers: &[Node],
    words: &mut [u32],
) -> Duration {
    let (ordered, _) = words.split_at_mut(workers.len());
    let count = sort_by_order(workers, ordered);
    let mut chain = 0;
    let mut group = 0;
    let mut i = 0;
    while i < workers.len() {
        if workers[i].order.is_none() {
            group = max(group, nanos(workers[i].timeout));
        }
        i += 1;
    }
    let mut i = 0;
    while i < count {
        let at = ordered[i] as usize;
        if i == 0 || order(workers, ordered[i - 1]) != order(workers, ordered[i]) {
            chain = add(chain, group);
            group = 0;
        }
        group = max(group, nanos(workers[at].timeout));
        i += 1;
    }
    chain = add(chain, group);
    let asked = match explicit {
        Some(time) => nanos(Some(time)),
        None => nanos(Some(LEAST_DRAIN)),
    };
    Duration::from_nanos(max(chain, asked))
}

/// [`drain`] at run time.
pub(crate) fn workers(explicit: Option<Duration>, workers: &[Node]) -> Duration {
    drain(explicit, workers, &mut vec![0; workers.len()])
}
