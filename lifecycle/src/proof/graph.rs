//! The graph that the proofs examine, as plain slices: constant evaluation fills it from fixed arrays, the plan from
//! vectors.

use std::time::Duration;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// A component, as far as the proofs look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) order: Option<i32>,
    /// The explicit one only: a share of the remaining time takes nothing from the budget.
    pub(crate) timeout: Option<Duration>,
    /// Whether orders that contradict its direct needs have been reported already, at the parameters.
    pub(crate) needs_checked: bool,
}

impl Node {
    /// A component without an order that takes no time.
    pub(crate) const PLAIN: Self = Self {
        order: None,
        timeout: None,
        needs_checked: false,
    };
}

/// Components and what each of them needs. Borrowed, because constant evaluation cannot allocate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Graph<'a> {
    pub(crate) nodes: &'a [Node],
    /// The needs of all components, those of the first one first.
    pub(crate) needs: &'a [u32],
    /// For each component, where its needs end. They begin where those of the one before it end.
    pub(crate) ends: &'a [u32],
}

impl<'a> Graph<'a> {
    /// What the component needs.
    pub(super) const fn needs_of(self, node: u32) -> &'a [u32] {
        let node = node as usize;
        let start = if node == 0 { 0 } else { self.ends[node - 1] };
        let (needs, _) = self.needs.split_at(self.ends[node] as usize);
        needs.split_at(start as usize).1
    }

    pub(super) const fn node(self, node: u32) -> Node {
        self.nodes[node as usize]
    }

    pub(super) const fn order(self, node: u32) -> Option<i32> {
        self.node(node).order
    }
}

/// A [`Graph`] in memory of its own.
#[derive(Debug, Default)]
pub(crate) struct GraphBuf {
    nodes: Vec<Node>,
    needs: Vec<u32>,
    ends: Vec<u32>,
}

impl GraphBuf {
    /// Adds a component. Its needs may follow later.
    pub(crate) fn push(&mut self, node: Node, needs: impl IntoIterator<Item = usize>) {
        let index = |node: usize| u32::try_from(node).expect("fewer than 2^32 components");
        self.nodes.push(node);
        self.needs.extend(needs.into_iter().map(index));
        self.ends.push(index(self.needs.len()));
    }

    pub(crate) fn graph(&self) -> Graph<'_> {
        Graph {
            nodes: &self.nodes,
            needs: &self.needs,
            ends: &self.ends,
        }
    }
}
