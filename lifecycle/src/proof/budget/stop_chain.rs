//! The time for resources to stop, one after the other.
//!
//! Orders are barriers: groups are opened one after the other, highest first, so that the work is linear in resources and
//! needs, but for the sorting of the orders.

use std::time::Duration;

use super::order::{order, sort_by_order};
use super::time::{add, nanos};
use crate::proof::graph::{Graph, NONE, Node};

/// Memory for [`stop_chain`], since constant evaluation cannot allocate.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    /// At least [`words`] long.
    pub(crate) words: &'a mut [u32],
    /// At least as long as there are nodes.
    pub(crate) times: &'a mut [u64],
}

/// How much `Work::words` must hold.
pub(crate) const fn words(nodes: usize) -> usize {
    7 * nodes + 1
}

/// The longest chain of explicit timeouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) time: Duration,
    /// How many nodes with an explicit timeout are on it. They are at the beginning of `Work::words`, first to stop first.
    pub(crate) len: usize,
}

/// Finds the longest chain of explicit timeouts along dependencies and orders: a resource stops when all that need it
/// have ended, and all of a higher order. Resources on a cycle do not count.
pub(crate) const fn stop_chain(graph: Graph<'_>, work: Work<'_>) -> Chain {
    let nodes = graph.nodes;
    let n = nodes.len();
    let words = work.words;
    let (sorted, words) = words.split_at_mut(n);
    let (waiting, words) = words.split_at_mut(n);
    let (before, words) = words.split_at_mut(n);
    let (queue, words) = words.split_at_mut(n);
    let (group, words) = words.split_at_mut(n);
    let (pending, words) = words.split_at_mut(n);
    let (opens, _) = words.split_at_mut(n + 1);
    let (start, _) = work.times.split_at_mut(n);
    let mut i = 0;
    while i < n {
        (waiting[i], before[i], group[i], pending[i]) = (0, NONE, NONE, 0);
        start[i] = 0;
        i += 1;
    }
    let mut node = 0;
    while node < n as u32 {
        let needs = graph.needs_of(node);
        let mut i = 0;
        while i < needs.len() {
            waiting[needs[i] as usize] += 1;
            i += 1;
        }
        node += 1;
    }

    // Groups of equal order, highest first: `sorted[opens[g]..opens[g + 1]]`.
    let ordered = sort_by_order(nodes, sorted);
    let mut groups = 0;
    let mut i = 0;
    while i < ordered {
        if i == 0 || order(nodes, sorted[i - 1]) != order(nodes, sorted[i]) {
            opens[groups] = i as u32;
            groups += 1;
        }
        group[sorted[i] as usize] = groups as u32 - 1;
        pending[groups - 1] += 1;
        i += 1;
    }
    opens[groups] = ordered as u32;

    // What can stop now: it waits for no component that needs it, and its group is open.
    let (mut head, mut tail) = (0, 0);
    let mut open = 0;
    let mut i = 0;
    while i < n {
        if waiting[i] == 0 && (group[i] == NONE || group[i] == 0) {
            queue[tail] = i as u32;
            tail += 1;
        }
        i += 1;
    }
    // When the last component of the groups so far has stopped, and which one that is.
    let (mut barrier, mut barrier_node) = (0, NONE);
    let (mut longest, mut last) = (0, NONE);
    while head < tail {
        let node = queue[head] as usize;
        head += 1;
        // Everything that stops before it has been taken from the queue, so that its start is final.
        let end = add(start[node], nanos(nodes[node].timeout));
        if end > longest {
            (longest, last) = (end, node as u32);
        }
        let needs = graph.needs_of(node as u32);
        let mut i = 0;
        while i < needs.len() {
            let target = needs[i] as usize;
            if end > start[target] {
                (start[target], before[target]) = (end, node as u32);
            }
            waiting[target] -= 1;
            if waiting[target] == 0 && (group[target] == NONE || group[target] <= open) {
                queue[tail] = target as u32;
                tail += 1;
            }
            i += 1;
        }
        if group[node] == NONE {
            continue;
        }
        if end > barrier {
            (barrier, barrier_node) = (end, node as u32);
        }
        // The last one of the open group opens the next group. Those of it that still wait for others are queued above.
        pending[group[node] as usize] -= 1;
        if pending[group[node] as usize] == 0 && (open as usize) + 1 < groups {
            open += 1;
            let mut i = opens[open as usize] as usize;
            while i < opens[open as usize + 1] as usize {
                let next = sorted[i] as usize;
                if barrier > start[next] {
                    (start[next], before[next]) = (barrier, barrier_node);
                }
                if waiting[next] == 0 {
                    queue[tail] = next as u32;
                    tail += 1;
                }
                i += 1;
            }
        }
    }
    let len = trace(nodes, before, last, queue, sorted);
    Chain {
        time: Duration::from_nanos(longest),
        len,
    }
}

/// Writes the chain that ends with `last` to the beginning of `out`, first to stop first.
const fn trace(
    nodes: &[Node],
    before: &[u32],
    last: u32,
    reversed: &mut [u32],
    out: &mut [u32],
) -> usize {
    let mut len = 0;
    let mut node = last;
    while node != NONE {
        if nanos(nodes[node as usize].timeout) > 0 {
            reversed[len] = node;
            len += 1;
        }
        node = before[node as usize];
    }
    let mut i = 0;
    while i < len {
        out[i] = reversed[len - 1 - i];
        i += 1;
    }
    len
}

/// [`stop_chain`] at run time: the time, and the nodes with an explicit timeout along it, first to stop first.
pub(crate) fn resources(graph: Graph<'_>) -> (Duration, Vec<u32>) {
    let mut list = vec![0; words(graph.nodes.len())];
    let mut times = vec![0; graph.nodes.len()];
    let chain = stop_chain(
        graph,
        Work {
            words: &mut list,
            times: &mut times,
        },
    );
    list.truncate(chain.len);
    (chain.time, list)
}
