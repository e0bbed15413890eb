//! [`Stops`]: which resource may stop next, and in which order components have ended.

use super::waits::Waits;
use crate::plan::component::Id;

#[derive(Default)]
pub(crate) struct Stops {
    /// Resources that have not ended.
    pub(crate) pending: usize,
    /// The components in the order in which they ended, workers included.
    pub(crate) ends: Vec<Id>,
    /// Nodes that nothing keeps from stopping any more.
    free: Vec<usize>,
    waits: Waits,
}

impl Stops {
    /// Begins with the nodes that nothing depends on.
    pub(crate) fn begin<'a>(
        &mut self,
        resources: usize,
        nodes: usize,
        dependents: impl Fn(usize) -> &'a [u32],
    ) {
        self.pending = resources;
        (self.waits, self.free) = Waits::count(nodes, dependents);
    }

    /// A node that may stop now.
    pub(crate) fn next(&mut self) -> Option<usize> {
        self.free.pop()
    }

    /// Something that depended on the node has ended; true where that was the last, so that the node may stop.
    pub(crate) fn unblock(&mut self, node: u32) -> bool {
        let is_free = self.waits.unblock(node);
        if is_free {
            self.free.push(node as usize);
        }
        is_free
    }

    pub(crate) fn resource_ended(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }
}
