//! The search for cycles and for orders that contradict needs: the same for constant evaluation and for the plan.
//!
//! It is depth first, so that the path to a component is at hand when a need leads back into it, and everything that a
//! component needs is known when the search returns from it. There is no recursion and no allocation, and each need is
//! looked at twice: the compiler's lint against long constant evaluation counts steps, and a plan may have 100,000
//! components.
//!
//! A need that closes a cycle counts for nothing else: orders are judged as if it had been removed.

use super::graph::{Graph, NONE};

/// Something that keeps the components from being put in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The last component on the path needs the one at `start`; see [`Search::path_from`].
    Cycle { start: usize },
    /// The component needs one of a higher order: the first one with an order that [`Search::through`] leads to.
    Contradiction { node: u32 },
}

/// A search in progress.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    graph: Graph<'a>,
    marks: &'a mut [u32],
    /// For each component on the path, which of its needs comes next.
    next: &'a mut [u32],
    path: &'a mut [u32],
    depth: usize,
    /// For each component that is done: of those that it needs, directly or through some without an order, the one with
    /// the highest order.
    highest: &'a mut [u32],
    /// By which need that one is reached.
    through: &'a mut [u32],
}

const NEW: u32 = 0;
const ON_PATH: u32 = 1;
const DONE: u32 = 2;

/// How many words a search takes.
pub(crate) const fn words(nodes: usize) -> usize {
    5 * nodes
}

/// Whether a component cannot have that order, because it needs one that starts later.
pub(crate) const fn contradicts(own: i32, needed: i32) -> bool {
    own < needed
}

impl<'a> Search<'a> {
    /// A search that has seen nothing yet. `memory` holds at least [`words`].
    pub(crate) const fn new(graph: Graph<'a>, memory: &'a mut [u32]) -> Self {
        let n = graph.nodes.len();
        let (marks, memory) = memory.split_at_mut(n);
        let (next, memory) = memory.split_at_mut(n);
        let (path, memory) = memory.split_at_mut(n);
        let (highest, memory) = memory.split_at_mut(n);
        let (through, _) = memory.split_at_mut(n);
        let mut i = 0;
        while i < n {
            (marks[i], next[i], highest[i]) = (NEW, 0, NONE);
            i += 1;
        }
        Self {
            graph,
            marks,
            next,
            path,
            depth: 0,
            highest,
            through,
        }
    }

    /// Starts at a component, unless it was seen before.
    pub(crate) const fn begin(&mut self, root: u32) {
        if self.marks[root as usize] == NEW {
            self.enter(root);
        }
    }

    /// The next finding below the root; none when everything there has been seen.
    pub(crate) const fn advance(&mut self) -> Option<Finding> {
        while self.depth > 0 {
            let node = self.path[self.depth - 1];
            let needs = self.graph.needs_of(node);
            let next = self.next[node as usize] as usize;
            if next == needs.len() {
                let contradiction = self.leave(node);
                if contradiction {
                    return Some(Finding::Contradiction { node });
                }
                continue;
            }
            self.next[node as usize] += 1;
            let need = needs[next];
            match self.marks[need as usize] {
                NEW => self.enter(need),
                ON_PATH => {
                    let mut start = self.depth - 1;
                    while self.path[start] != need {
                        start -= 1;
                    }
                    return Some(Finding::Cycle { start });
                }
                _ => {}
            }
        }
        None
    }

    /// The components on the path, from that place to its end.
    pub(crate) const fn path_from(&self, start: usize) -> &[u32] {
        let (path, _) = self.path.split_at(self.depth);
        path.split_at(start).1
    }

    /// The need by which the component reaches the highest order.
    pub(crate) const fn through(&self, node: u32) -> u32 {
        self.through[node as usize]
    }

    const fn enter(&mut self, node: u32) {
        self.marks[node as usize] = ON_PATH;
        self.path[self.depth] = node;
        self.depth += 1;
    }

    /// Finds the highest order that the component reaches. Returns whether its own contradicts that.
    const fn leave(&mut self, node: u32) -> bool {
        let own = self.graph.node(node);
        let needs = self.graph.needs_of(node);
        let mut highest: Option<i32> = None;
        let mut i = 0;
        while i < needs.len() {
            let need = needs[i];
            i += 1;
            // It is still on the path: the need closes a cycle.
            if self.marks[need as usize] == ON_PATH {
                continue;
            }
            let reached = match self.graph.order(need) {
                Some(_) if own.order.is_some() && own.needs_checked => continue,
                Some(_) => need,
                None => self.highest[need as usize],
            };
            if reached == NONE {
                continue;
            }
            let higher = match (highest, self.graph.order(reached)) {
                (Some(known), Some(order)) => order > known,
                _ => true,
            };
            if higher {
                highest = self.graph.order(reached);
                self.highest[node as usize] = reached;
                self.through[node as usize] = need;
            }
        }
        self.depth -= 1;
        self.marks[node as usize] = DONE;
        matches!((own.order, highest), (Some(own), Some(needed)) if contradicts(own, needed))
    }
}
