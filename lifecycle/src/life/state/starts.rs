//! [`Starts`]: which starts are under way.

use tokio::sync::oneshot;

use super::waits::Waits;
use crate::plan::component::Id;

pub(crate) struct Starts {
    /// Starts that are waited for: at first of all resources, then of a group of workers, in the drain of what was still
    /// starting.
    pub(crate) pending: usize,
    /// The component that came up last.
    pub(crate) last_up: Option<Id>,
    /// Gets a value when the app is up.
    pub(crate) up: Option<oneshot::Sender<()>>,
    waits: Waits,
}

impl Starts {
    pub(crate) fn new(up: Option<oneshot::Sender<()>>) -> Self {
        Self {
            pending: 0,
            last_up: None,
            up,
            waits: Waits::default(),
        }
    }

    /// Begins with the resources; returns the nodes that need nothing.
    pub(crate) fn begin<'a>(
        &mut self,
        resources: usize,
        nodes: usize,
        needs: impl Fn(usize) -> &'a [u32],
    ) -> Vec<usize> {
        self.pending = resources;
        let (waits, free) = Waits::count(nodes, needs);
        self.waits = waits;
        free
    }

    /// A start has ended, one way or the other.
    pub(crate) fn ended(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    /// Something that the node needs is up; true where that was the last.
    pub(crate) fn unblock(&mut self, node: u32) -> bool {
        self.waits.unblock(node)
    }
}
