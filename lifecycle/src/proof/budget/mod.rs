//! What a shutdown takes at worst: constant arithmetic over plain slices, the same for the compile-time check, for the
//! start-time check and for the plan.
//!
//! At run time [`resources`] and [`workers`] do the same as [`stop_chain`] and [`drain`], with vectors.
//!
//! Orders are barriers: groups are opened one after the other, highest first, so that the work is linear in nodes and
//! edges, but for the sorting of the orders.

use std::time::Duration;

use crate::base::const_text::Text;
use crate::proof::graph::{Graph, NONE, Node};

/// The least that a drain gets when nobody says how long it may take.
pub(crate) const LEAST_DRAIN: Duration = Duration::from_secs(5);

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
    /// How many nodes with an explicit timeout are on it: they are in `Work::words`, first to stop first.
    pub(crate) len: usize,
}

/// What a shutdown takes at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) lame_duck: Duration,
    pub(crate) drain: Duration,
    pub(crate) stop: Duration,
    pub(crate) emergency: Duration,
}

impl Budget {
    pub(crate) const fn total(&self) -> Duration {
        self.lame_duck
            .saturating_add(self.drain)
            .saturating_add(self.stop)
            .saturating_add(self.emergency)
    }

    pub(crate) const fn fits(&self, limit: Duration) -> bool {
        self.total().as_nanos() <= limit.as_nanos()
    }

    /// That it does not fit, with what it adds up to. `chain` are the resources that stop one after the other, with
    /// their timeouts.
    pub(crate) const fn message(
        &self,
        app: &str,
        chain: &[(&str, Duration)],
        limit: Duration,
    ) -> Text {
        let mut text = Text::EMPTY
            .name(app)
            .push(" needs up to ")
            .duration(self.total())
            .push(" to stop, but `shutdown_timeout` is ")
            .duration(limit)
            .push(": ");
        if !self.lame_duck.is_zero() {
            text = text.push("lame duck ").duration(self.lame_duck).push(" + ");
        }
        text = text.push("drain ").duration(self.drain);
        let mut i = 0;
        while i < chain.len() {
            let (name, time) = chain[i];
            text = text.push(if i == 0 { " + " } else { " -> " });
            text = text.name(name).push(" ").duration(time);
            i += 1;
        }
        text.push(" + emergency ").duration(self.emergency)
    }
}

/// How long the drain may take: the larger of what was asked for, or else the least, and the workers' chain. Workers
/// are told group by group, the unordered ones first; a group takes as long as its longest explicit timeout.
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

/// The longest chain of explicit timeouts along dependencies and orders: a resource stops when all that need it have,
/// and all of a higher order. Nodes on a cycle are left out.
pub(crate) const fn stop_chain(graph: Graph<'_>, work: Work<'_>) -> Chain {
    let nodes = graph.nodes;
    let n = nodes.len();
    let words = work.words;
    let (sorted, words) = words.split_at_mut(n);
    let (waiting, words) = words.split_at_mut(n);
    let (before, words) = words.split_at_mut(n);
    let (queue, words) = words.split_at_mut(n);
    let (group, words) = words.split_at_mut(n);
    let (left, words) = words.split_at_mut(n);
    let (opens, _) = words.split_at_mut(n + 1);
    let (start, _) = work.times.split_at_mut(n);
    let mut i = 0;
    while i < n {
        (waiting[i], before[i], group[i], left[i]) = (0, NONE, NONE, 0);
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
        left[groups - 1] += 1;
        i += 1;
    }
    opens[groups] = ordered as u32;

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
    // The end of the barrier: of what has stopped in the groups so far, the latest.
    let (mut barrier, mut barrier_node) = (0, NONE);
    let (mut longest, mut last) = (0, NONE);
    while head < tail {
        let node = queue[head] as usize;
        head += 1;
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
        left[group[node] as usize] -= 1;
        if left[group[node] as usize] == 0 && (open as usize) + 1 < groups {
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

/// Leaves the chain that ends with `last` at the beginning of `out`, first to stop first.
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

/// Puts the nodes that have an order at the beginning of `out`, highest first, and says how many there are.
const fn sort_by_order(nodes: &[Node], out: &mut [u32]) -> usize {
    let mut count = 0;
    let mut i = 0;
    while i < nodes.len() {
        if nodes[i].order.is_some() {
            out[count] = i as u32;
            count += 1;
        }
        i += 1;
    }
    // Heapsort: sorting of slices is not `const`. The root of the heap is the lowest order.
    let mut i = count / 2;
    while i > 0 {
        i -= 1;
        sift_down(nodes, out, i, count);
    }
    let mut end = count;
    while end > 1 {
        end -= 1;
        out.swap(0, end);
        sift_down(nodes, out, 0, end);
    }
    count
}

const fn sift_down(nodes: &[Node], heap: &mut [u32], mut at: usize, len: usize) {
    loop {
        let mut least = at;
        let mut child = 2 * at + 1;
        while child < len && child <= 2 * at + 2 {
            if order(nodes, heap[child]) < order(nodes, heap[least]) {
                least = child;
            }
            child += 1;
        }
        if least == at {
            return;
        }
        heap.swap(at, least);
        at = least;
    }
}

const fn order(nodes: &[Node], node: u32) -> i32 {
    match nodes[node as usize].order {
        Some(order) => order,
        None => 0,
    }
}

/// A year has 3.2e16 of them, so that 500 years fit.
const fn nanos(time: Option<Duration>) -> u64 {
    match time {
        None => 0,
        Some(time) if time.as_nanos() > u64::MAX as u128 => u64::MAX,
        Some(time) => time.as_nanos() as u64,
    }
}

const fn add(a: u64, b: u64) -> u64 {
    a.saturating_add(b)
}

const fn max(a: u64, b: u64) -> u64 {
    if a > b { a } else { b }
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

/// [`drain`] at run time.
pub(crate) fn workers(explicit: Option<Duration>, workers: &[Node]) -> Duration {
    drain(explicit, workers, &mut vec![0; workers.len()])
}

#[cfg(test)]
mod tests;
