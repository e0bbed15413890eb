//! The start graph: which resource waits for which. Linear in resources and edges.
//!
//! Orders are barriers: one node between two neighbouring orders, so that N resources of one order and M of the next
//! take N + M edges and not N x M. Everything that must be known of the order is decided here, before anything starts.

use std::collections::BTreeMap;
use std::time::Duration;

/// One resource, as the graph sees it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) order: Option<i32>,
    /// Indices of what it needs.
    pub(crate) needs: Vec<usize>,
    pub(crate) cost: Cost,
}

/// The time that a resource's `stop` is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// It has nothing to do.
    Nothing,
    /// Its `timeout`.
    Fixed(Duration),
    /// It has none: a share of what is left.
    Share,
}

/// What still stops after a resource, at worst: so much fixed time, and so many that want a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Chain {
    pub(crate) fixed: Duration,
    pub(crate) shares: u32,
    /// How many there are, of both kinds.
    pub(crate) components: u32,
}

/// Resources, then barriers, with their edges in both directions.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// For each node, who waits for it to be up.
    dependents: Edges,
    /// For each node, what it waits for.
    needs: Edges,
    /// For each resource, the chains that stop after it, none of them covered by another. Empty: nothing does.
    after: Vec<Vec<Chain>>,
    /// The resources in an order in which they can start.
    order: Vec<usize>,
}

/// Adjacency in one piece of memory.
#[derive(Debug, Default)]
struct Edges {
    starts: Vec<u32>,
    ends: Vec<u32>,
}

impl Edges {
    fn new(nodes: usize, edges: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        let mut starts = vec![0_u32; nodes + 1];
        for (from, _) in edges.clone() {
            starts[from + 1] += 1;
        }
        for i in 0..nodes {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut ends = vec![0; starts[nodes] as usize];
        for (from, to) in edges {
            ends[next[from] as usize] = u32::try_from(to).expect("fewer than 2^32 components");
            next[from] += 1;
        }
        Self { starts, ends }
    }

    fn of(&self, node: usize) -> &[u32] {
        &self.ends[self.starts[node] as usize..self.starts[node + 1] as usize]
    }
}

impl Graph {
    /// The graph of these resources, or everything that is wrong with it: cycles and order contradictions.
    pub(crate) fn new(nodes: &[Node]) -> Result<Self, Vec<String>> {
        let mut groups: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
        for (index, node) in nodes.iter().enumerate() {
            if let Some(order) = node.order {
                groups.entry(order).or_default().push(index);
            }
        }
        let mut edges: Vec<(usize, usize)> = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            edges.extend(node.needs.iter().map(|need| (*need, index)));
        }
        let groups: Vec<Vec<usize>> = groups.into_values().collect();
        for (i, pair) in groups.windows(2).enumerate() {
            let barrier = nodes.len() + i;
            edges.extend(pair[0].iter().map(|earlier| (*earlier, barrier)));
            edges.extend(pair[1].iter().map(|later| (barrier, *later)));
        }
        let total = nodes.len() + groups.len().saturating_sub(1);
        let mut graph = Self {
            dependents: Edges::new(total, edges.iter().copied()),
            needs: Edges::new(total, edges.iter().map(|(from, to)| (*to, *from))),
            after: Vec::new(),
            order: Vec::new(),
        };
        let sorted = graph.sort();
        if sorted.len() < total {
            return Err(diagnose(nodes));
        }
        graph.after = graph.chains(nodes, &sorted);
        graph.order = sorted
            .into_iter()
            .filter(|node| *node < nodes.len())
            .collect();
        Ok(graph)
    }

    /// Resources and barriers.
    pub(crate) fn len(&self) -> usize {
        self.needs.starts.len().saturating_sub(1)
    }

    pub(crate) fn needs(&self, node: usize) -> &[u32] {
        self.needs.of(node)
    }

    pub(crate) fn dependents(&self, node: usize) -> &[u32] {
        self.dependents.of(node)
    }

    /// The resources in an order in which they can start one after the other.
    pub(crate) fn start_order(&self) -> &[usize] {
        &self.order
    }

    /// The time that the `stop` of a resource gets of `left`, which is what remains before the emergency reserve: its
    /// own timeout or a share, never what the chains after it need.
    pub(crate) fn allowance(&self, resource: usize, cost: Cost, left: Duration) -> Duration {
        // Of the chain's time so much that its shares, and `own` more, are equal. Where even the fixed times after it do
        // not fit any more, all on the chain are equal: what is cut then is cut by the deadline, not by the plan.
        let bound = |own: u32, chain: &Chain| match left.checked_sub(chain.fixed) {
            Some(rest) if !rest.is_zero() => {
                rest.checked_div(own * (chain.shares + own)).unwrap_or(rest)
            }
            _ => left / (1 + chain.components),
        };
        let (own, most) = match cost {
            Cost::Fixed(timeout) => (0, timeout.min(left)),
            Cost::Share | Cost::Nothing => (1, left),
        };
        self.after[resource]
            .iter()
            .map(|chain| bound(own, chain))
            .fold(most, Duration::min)
    }

    /// How much longer than [`Graph::allowance`] it may take where it asks: what nobody after it was promised.
    pub(crate) fn slack(&self, resource: usize, left: Duration) -> Duration {
        let chains = &self.after[resource];
        if chains.iter().any(|chain| chain.shares > 0) {
            return Duration::ZERO;
        }
        chains
            .iter()
            .map(|chain| left.saturating_sub(chain.fixed))
            .fold(left, Duration::min)
    }

    /// The longest chain of fixed times of all, and the largest number of shares on one chain.
    pub(crate) fn longest(&self, nodes: &[Node]) -> Chain {
        let mut longest = Chain::default();
        for (index, node) in nodes.iter().enumerate() {
            let own = Chain::default().then(node.cost);
            for chain in self.after[index].iter().copied().chain([Chain::default()]) {
                longest.fixed = longest.fixed.max(chain.fixed + own.fixed);
                longest.shares = longest.shares.max(chain.shares + own.shares);
            }
        }
        longest
    }

    /// Kahn's algorithm; what is on a cycle, or behind one, is missing from the answer.
    fn sort(&self) -> Vec<usize> {
        let mut waits: Vec<usize> = (0..self.len()).map(|node| self.needs(node).len()).collect();
        let mut sorted: Vec<usize> = (0..self.len()).filter(|node| waits[*node] == 0).collect();
        let mut next = 0;
        while let Some(node) = sorted.get(next).copied() {
            next += 1;
            for dependent in self.dependents(node) {
                let dependent = *dependent as usize;
                waits[dependent] -= 1;
                if waits[dependent] == 0 {
                    sorted.push(dependent);
                }
            }
        }
        sorted
    }

    fn chains(&self, nodes: &[Node], sorted: &[usize]) -> Vec<Vec<Chain>> {
        let mut after: Vec<Vec<Chain>> = vec![Vec::new(); self.len()];
        for &node in sorted {
            let mut chains = Vec::new();
            for &need in self.needs(node) {
                let cost = nodes
                    .get(need as usize)
                    .map_or(Cost::Nothing, |need| need.cost);
                let below = &after[need as usize];
                chains.extend(below.iter().map(|chain| chain.then(cost)));
                if below.is_empty() && cost != Cost::Nothing {
                    chains.push(Chain::default().then(cost));
                }
            }
            after[node] = uncovered(chains);
        }
        after.truncate(nodes.len());
        after
    }
}

impl Chain {
    fn then(mut self, cost: Cost) -> Self {
        match cost {
            Cost::Nothing => return self,
            Cost::Fixed(time) => self.fixed += time,
            Cost::Share => self.shares += 1,
        }
        self.components += 1;
        self
    }
}

/// How many chains are kept for a resource; beyond that they are merged into a worse one, so that the plan stays linear.
const MOST_CHAINS: usize = 8;

/// The chains that no other one covers in both respects.
fn uncovered(mut chains: Vec<Chain>) -> Vec<Chain> {
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

/// Names everything that keeps the resources from being put in an order.
fn diagnose(nodes: &[Node]) -> Vec<String> {
    let (mut findings, on_cycles) = cycles(nodes);
    let mut acyclic = nodes.to_vec();
    for node in on_cycles {
        acyclic[node].needs.clear();
    }
    findings.extend(contradictions(&acyclic));
    findings
}

/// The cycles, and the nodes at which they can be cut.
fn cycles(nodes: &[Node]) -> (Vec<String>, Vec<usize>) {
    const UNSEEN: u8 = 0;
    const OPEN: u8 = 1;
    const CLOSED: u8 = 2;
    let mut state = vec![UNSEEN; nodes.len()];
    let mut findings = Vec::new();
    let mut on_cycles = Vec::new();
    for root in 0..nodes.len() {
        if state[root] != UNSEEN {
            continue;
        }
        state[root] = OPEN;
        // The path from the root, with the next need of each to look at.
        let mut path = vec![(root, 0)];
        while let Some((node, next)) = path.last_mut() {
            let Some(&need) = nodes[*node].needs.get(*next) else {
                state[*node] = CLOSED;
                path.pop();
                continue;
            };
            *next += 1;
            match state[need] {
                UNSEEN => {
                    state[need] = OPEN;
                    path.push((need, 0));
                }
                OPEN => {
                    on_cycles.push(*node);
                    let start = path.iter().position(|(node, _)| *node == need).unwrap_or(0);
                    let names = path[start..].iter().map(|(node, _)| *node).chain([need]);
                    findings.push(format!("dependency cycle: {}", arrows(nodes, names)));
                }
                _ => {}
            }
        }
    }
    (findings, on_cycles)
}

/// Without cycles: every resource that needs one of a larger order, directly or through some without an order.
fn contradictions(nodes: &[Node]) -> Vec<String> {
    // Depth first, so that what a node needs is known before the node.
    let mut highest: Vec<Option<Option<(i32, usize)>>> = vec![None; nodes.len()];
    for root in 0..nodes.len() {
        let mut path = vec![root];
        while let Some(&node) = path.last() {
            if highest[node].is_some() {
                path.pop();
                continue;
            }
            let missing: Vec<usize> = nodes[node]
                .needs
                .iter()
                .copied()
                .filter(|need| highest[*need].is_none())
                .collect();
            if missing.is_empty() {
                let found = nodes[node]
                    .needs
                    .iter()
                    .filter_map(|&need| {
                        let order = nodes[need]
                            .order
                            .or(highest[need].flatten().map(|(order, _)| order));
                        order.map(|order| (order, need))
                    })
                    .max_by_key(|(order, _)| *order);
                highest[node] = Some(found);
            }
            path.extend(missing);
        }
    }
    let mut findings = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        if let (Some(order), Some(Some((highest_order, need)))) = (node.order, highest[index])
            && highest_order > order
        {
            let mut through = vec![need];
            while let (None, Some(Some((_, next)))) =
                (nodes[need_of(&through)].order, highest[need_of(&through)])
            {
                through.push(next);
            }
            findings.push(format!(
                "`{}` (order {order}) needs {} (order {highest_order}), which starts after it",
                node.name,
                arrows(nodes, through.into_iter()),
            ));
        }
    }
    findings
}

fn need_of(path: &[usize]) -> usize {
    path[path.len() - 1]
}

fn arrows(nodes: &[Node], path: impl Iterator<Item = usize>) -> String {
    path.map(|node| format!("`{}`", nodes[node].name))
        .collect::<Vec<_>>()
        .join(" -> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, order: Option<i32>, needs: &[usize], cost: Cost) -> Node {
        Node {
            name: name.into(),
            order,
            needs: needs.to_vec(),
            cost,
        }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn cycles_are_named_in_full() {
        let nodes = [
            node("A", None, &[1], Cost::Nothing),
            node("B", None, &[2], Cost::Nothing),
            node("C", None, &[0], Cost::Nothing),
            node("D", None, &[3], Cost::Nothing),
        ];
        let findings = Graph::new(&nodes).unwrap_err();
        assert_eq!(
            findings,
            [
                "dependency cycle: `A` -> `B` -> `C` -> `A`",
                "dependency cycle: `D` -> `D`"
            ]
        );
    }

    #[test]
    fn contradictions_are_found_also_through_resources_without_order() {
        let nodes = [
            node("Cache", Some(1), &[1], Cost::Nothing),
            node("Index", None, &[2], Cost::Nothing),
            node("Database", Some(5), &[], Cost::Nothing),
            node("Direct", Some(2), &[2], Cost::Nothing),
        ];
        let findings = Graph::new(&nodes).unwrap_err();
        assert_eq!(
            findings,
            [
                "`Cache` (order 1) needs `Index` -> `Database` (order 5), which starts after it",
                "`Direct` (order 2) needs `Database` (order 5), which starts after it",
            ]
        );
    }

    #[test]
    fn beside_a_cycle_what_is_in_order_is_no_finding() {
        let nodes = [
            node("A", None, &[0], Cost::Nothing),
            node("Same", Some(1), &[2], Cost::Nothing),
            node("Base", Some(1), &[], Cost::Nothing),
            node("Later", Some(2), &[2], Cost::Nothing),
        ];
        let findings = Graph::new(&nodes).unwrap_err();
        assert_eq!(findings, ["dependency cycle: `A` -> `A`"]);
    }

    #[test]
    fn orders_take_one_barrier_each() {
        let mut nodes = Vec::new();
        for order in 0..3 {
            for i in 0..100 {
                nodes.push(node(
                    &format!("{order}-{i}"),
                    Some(order),
                    &[],
                    Cost::Nothing,
                ));
            }
        }
        let graph = Graph::new(&nodes).unwrap();
        assert_eq!(graph.len(), 302);
        assert_eq!(
            (0..graph.len())
                .map(|node| graph.needs(node).len())
                .sum::<usize>(),
            400
        );
    }

    #[test]
    fn shares_leave_the_chains_below_what_they_need() {
        // E -> D -> C -> B -> A, each stops before the ones to its right; B has a timeout of its own.
        let nodes = [
            node("A", None, &[], Cost::Share),
            node("B", None, &[0], Cost::Fixed(secs(3))),
            node("C", None, &[1], Cost::Share),
            node("D", None, &[2], Cost::Share),
            node("E", None, &[3], Cost::Share),
        ];
        let graph = Graph::new(&nodes).unwrap();
        // 23 s, of which 3 are B's; E, D, C and A share the rest.
        assert_eq!(graph.allowance(4, Cost::Share, secs(23)), secs(5));
        // E gave all back: D, C and A share.
        assert_eq!(graph.allowance(3, Cost::Share, secs(23)), secs(20) / 3);
        // What is left does not suffice for B's timeout any more.
        assert_eq!(graph.allowance(1, nodes[1].cost, secs(2)), secs(2));
        assert_eq!(graph.allowance(0, Cost::Share, secs(2)), secs(2));
        assert_eq!(graph.slack(1, secs(10)), Duration::ZERO);
        assert_eq!(graph.slack(0, secs(10)), secs(10));
        let longest = graph.longest(&nodes);
        assert_eq!((longest.fixed, longest.shares), (secs(3), 4));
        // Not even B's timeout fits any more: all on the chain are equal.
        assert_eq!(graph.allowance(4, Cost::Share, secs(2)), secs(2) / 5);
    }

    #[test]
    fn the_tightest_chain_decides() {
        // Top needs Slow (fixed 10 s) and Left -> Right (two shares).
        let nodes = [
            node("Slow", None, &[], Cost::Fixed(secs(10))),
            node("Right", None, &[], Cost::Share),
            node("Left", None, &[1], Cost::Share),
            node("Top", None, &[0, 2], Cost::Share),
        ];
        let graph = Graph::new(&nodes).unwrap();
        assert_eq!(graph.allowance(3, Cost::Share, secs(12)), secs(2));
        assert_eq!(graph.allowance(3, Cost::Share, secs(30)), secs(10));
    }

    #[test]
    fn where_fixed_times_take_all_that_is_left_the_parts_are_equal() {
        let nodes = [
            node("Below", None, &[], Cost::Fixed(secs(3))),
            node("Top", None, &[0], Cost::Share),
        ];
        let graph = Graph::new(&nodes).unwrap();
        assert_eq!(graph.allowance(1, Cost::Share, secs(3)), secs(3) / 2);
    }

    #[test]
    fn slack_is_what_fixed_times_leave() {
        let nodes = [
            node("Below", None, &[], Cost::Fixed(secs(3))),
            node("Top", None, &[0], Cost::Fixed(secs(5))),
        ];
        let graph = Graph::new(&nodes).unwrap();
        assert_eq!(graph.slack(1, secs(10)), secs(7));
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
}
