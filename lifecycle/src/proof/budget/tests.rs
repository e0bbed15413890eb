use std::time::Duration;

use super::*;
use crate::proof::graph::{GraphBuf, Node};

const fn node(order: Option<i32>, seconds: u64) -> Node {
    let timeout = if seconds == 0 {
        None
    } else {
        Some(Duration::from_secs(seconds))
    };
    Node {
        order,
        timeout,
        ..Node::PLAIN
    }
}

/// An edge `(a, b)`: `a` needs `b`, so that `a` stops first.
fn chain(nodes: &[Node], edges: &[(u32, u32)]) -> (u64, Vec<u32>) {
    let mut graph = GraphBuf::default();
    for (from, node) in (0..).zip(nodes) {
        let needs = edges.iter().filter(|edge| edge.0 == from);
        graph.push(*node, needs.map(|edge| edge.1 as usize));
    }
    let (time, nodes) = resources(graph.graph());
    (time.as_secs(), nodes)
}

#[test]
fn the_chain_follows_dependencies() {
    // 0 needs 1 needs 2; 3 is unrelated.
    let nodes = [node(None, 5), node(None, 0), node(None, 20), node(None, 24)];
    assert_eq!(chain(&nodes, &[(0, 1), (1, 2)]), (25, vec![0, 2]));
    assert_eq!(chain(&nodes, &[]), (24, vec![3]));
    assert_eq!(chain(&[], &[]), (0, vec![]));
}

#[test]
fn orders_are_barriers() {
    let nodes = [
        node(Some(1), 1),
        node(Some(3), 3),
        node(Some(3), 4),
        node(Some(-2), 10),
        node(None, 7),
    ];
    assert_eq!(chain(&nodes, &[]), (15, vec![2, 0, 3]));
    // The unordered one stops after those of order 3, beside those of order 1.
    assert_eq!(chain(&nodes, &[(2, 4), (4, 3)]), (21, vec![2, 4, 3]));
}

#[test]
fn a_group_opens_when_the_one_above_has_ended() {
    // 0 (order 2) waits for 1 without order, which waits for 2.
    let nodes = [
        node(Some(2), 1),
        node(None, 9),
        node(None, 2),
        node(Some(1), 1),
    ];
    assert_eq!(chain(&nodes, &[(2, 1), (1, 0)]), (13, vec![2, 1, 0, 3]));
}

#[test]
fn resources_on_a_cycle_do_not_count() {
    let nodes = [node(None, 1), node(None, 2), node(None, 4)];
    assert_eq!(chain(&nodes, &[(0, 1), (1, 0)]), (4, vec![2]));
}

#[test]
fn groups_of_workers_add_up() {
    let second = Duration::from_secs(1);
    let crew = [
        node(None, 2),
        node(None, 3),
        node(Some(1), 4),
        node(Some(1), 1),
        node(Some(7), 6),
        node(Some(2), 0),
    ];
    assert_eq!(workers(None, &crew), 13 * second);
    assert_eq!(workers(Some(20 * second), &crew), 20 * second);
    assert_eq!(workers(Some(second), &crew), 13 * second);
    assert_eq!(workers(None, &[]), LEAST_DRAIN);
    assert_eq!(workers(Some(second), &[]), second);
}

/// The definition has an edge for each pair of orders.
#[test]
fn the_chain_is_the_longest_by_definition() {
    let mut state = 1_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..2000 {
        let count = 1 + random(9) as usize;
        let mut nodes: Vec<Node> = Vec::new();
        let mut edges: Vec<(u32, u32)> = Vec::new();
        for i in 0..count {
            let order = (random(2) == 0).then(|| random(4) as i32);
            nodes.push(node(order, random(6)));
            for needed in 0..i {
                if random(3) == 0 {
                    edges.push((i as u32, needed as u32));
                }
            }
        }
        if contradicts(&nodes, &edges) {
            continue;
        }
        let (time, path) = chain(&nodes, &edges);
        assert_eq!(time, by_definition(&nodes, &edges), "{nodes:?} {edges:?}");
        let sum: u64 = path
            .iter()
            .map(|node| nodes[*node as usize].timeout.unwrap().as_secs())
            .sum();
        assert_eq!(sum, time);
    }
}

fn before(nodes: &[Node], edges: &[(u32, u32)], first: usize, second: usize) -> bool {
    let orders = (nodes[first].order, nodes[second].order);
    edges.contains(&(first as u32, second as u32)) || matches!(orders, (Some(a), Some(b)) if a > b)
}

fn contradicts(nodes: &[Node], edges: &[(u32, u32)]) -> bool {
    let n = nodes.len();
    let mut reach = vec![vec![false; n]; n];
    for (i, row) in reach.iter_mut().enumerate() {
        for (j, cell) in row.iter_mut().enumerate() {
            *cell = before(nodes, edges, i, j);
        }
    }
    for k in 0..n {
        for i in 0..n {
            for j in 0..n {
                reach[i][j] |= reach[i][k] && reach[k][j];
            }
        }
    }
    (0..n).any(|i| reach[i][i])
}

fn by_definition(nodes: &[Node], edges: &[(u32, u32)]) -> u64 {
    fn end(nodes: &[Node], edges: &[(u32, u32)], at: usize) -> u64 {
        let start = (0..nodes.len())
            .filter(|first| before(nodes, edges, *first, at))
            .map(|first| end(nodes, edges, first))
            .max();
        start.unwrap_or(0) + nodes[at].timeout.map_or(0, |time| time.as_secs())
    }
    (0..nodes.len())
        .map(|at| end(nodes, edges, at))
        .max()
        .unwrap_or(0)
}
