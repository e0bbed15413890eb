//! The nodes of the start graph.

use std::time::Duration;

use crate::proof::graph::{self, GraphBuf};

/// A resource, as far as the start graph looks at it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) order: Option<i32>,
    /// Indices of what it needs.
    pub(crate) needs: Vec<usize>,
    pub(crate) cost: Cost,
}

/// The time that is reserved for a resource's `stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// There is nothing to stop.
    Nothing,
    /// Its `timeout`.
    Fixed(Duration),
    /// It has no timeout: it takes a share of the remaining time.
    Share,
}

impl Node {
    /// The explicit timeout.
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
