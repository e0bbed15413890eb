//! The resources, as the graph sees them.

use std::time::Duration;

use crate::proof::graph::{self, GraphBuf};

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

impl Node {
    /// The explicit one.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        match self.cost {
            Cost::Fixed(timeout) => Some(timeout),
            Cost::Share | Cost::Nothing => None,
        }
    }
}

/// The resources as the proof examines them.
pub(crate) fn examined(nodes: &[Node]) -> GraphBuf {
    let mut graph = GraphBuf::default();
    for node in nodes {
        let seen = graph::Node {
            order: node.order,
            timeout: node.timeout(),
            ..graph::Node::PLAIN
        };
        graph.push(seen, node.needs.iter().copied());
    }
    graph
}
