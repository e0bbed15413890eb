//! The start graph: which resource waits for which, and how the time to stop is shared along it.

mod chain;
mod findings;
mod node;
mod start_graph;
#[cfg(test)]
mod tests;

pub(crate) use self::node::{Cost, Node, examined};
pub(crate) use self::start_graph::Graph;
