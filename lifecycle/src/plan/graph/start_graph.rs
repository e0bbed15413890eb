//! The start graph: which resource waits for which. It is linear in resources and edges.
//!
//! Orders are barriers: one node between two neighbouring orders, so that N resources of one order and M of the next
//! take N + M edges and not N x M. The order of starts and stops is fixed here, before anything starts; during the run,
//! edges are only counted down.

use std::collections::BTreeMap;
use std::time::Duration;

use super::chain::{Chain, uncovered};
use super::findings::findings;
use super::node::{Cost, Node};

/// Resources, then barriers, with their edges in both directions.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// For each node, the nodes that start after it.
    dependents: Edges,
    /// For each node, the nodes that start before it.
    needs: Edges,
    /// For each resource, the chains that stop after it, none of them covered by another. Without any it stops last.
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
    /// The graph of these resources, or all cycles and contradictions of orders that keep them from being one.
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
            return Err(findings(nodes));
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

    /// The time that the `stop` of a resource gets of `remaining`, the time before the emergency reserve: its own timeout
    /// or a share, but never what the chains after it need.
    pub(crate) fn allowance(&self, resource: usize, cost: Cost, remaining: Duration) -> Duration {
        let (own, most) = match cost {
            Cost::Fixed(timeout) => (0, timeout.min(remaining)),
            Cost::Share | Cost::Nothing => (1, remaining),
        };
        self.after[resource]
            .iter()
            .map(|chain| chain.part(own, remaining))
            .fold(most, Duration::min)
    }

    /// The time that a `stop` may take if it asks for more than its [`allowance`](Graph::allowance): what is not reserved
    /// for the chains after it.
    pub(crate) fn slack(&self, resource: usize, remaining: Duration) -> Duration {
        let chains = &self.after[resource];
        if chains.iter().any(|chain| chain.shares > 0) {
            return Duration::ZERO;
        }
        chains
            .iter()
            .map(|chain| remaining.saturating_sub(chain.fixed))
            .fold(remaining, Duration::min)
    }

    /// The largest number of shares on one chain.
    pub(crate) fn most_shares(&self, nodes: &[Node]) -> u32 {
        let with_own = |(after, node): (&Vec<Chain>, &Node)| {
            let shares = after.iter().map(|chain| chain.shares).max();
            shares.unwrap_or(0) + u32::from(node.cost == Cost::Share)
        };
        self.after
            .iter()
            .zip(nodes)
            .map(with_own)
            .max()
            .unwrap_or(0)
    }

    /// Kahn's algorithm. Nodes on a cycle, and those that wait for one, are missing from the result.
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
        // E took no time: D, C and A share.
        assert_eq!(graph.allowance(3, Cost::Share, secs(23)), secs(20) / 3);
        // The remaining time no longer suffices for B's timeout.
        assert_eq!(graph.allowance(1, nodes[1].cost, secs(2)), secs(2));
        assert_eq!(graph.allowance(0, Cost::Share, secs(2)), secs(2));
        assert_eq!(graph.slack(1, secs(10)), Duration::ZERO);
        assert_eq!(graph.slack(0, secs(10)), secs(10));
        assert_eq!(graph.most_shares(&nodes), 4);
        // Not even B's timeout fits: all parts on the chain are equal.
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
    fn the_parts_are_equal_where_fixed_times_take_all_of_the_remaining_time() {
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
}
