//! [`Reload`]: the reload that is under way.

use crate::life::call::Call;
use crate::life::input::Turn;
use crate::plan::component::Id;

#[derive(Default)]
pub(crate) struct Reload {
    /// Another one is wanted: a SIGHUP came during startup, or during a reload.
    pub(crate) wanted: bool,
    /// The components that are still to reload, the next one last.
    queue: Vec<Id>,
    /// The call of the next one.
    call: Option<Call>,
    /// The end of an earlier call is stale.
    turn: Turn,
}

impl Reload {
    pub(crate) fn begin(&mut self, queue: Vec<Id>) {
        self.queue = queue;
    }

    pub(crate) fn is_under_way(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(crate) fn is_turn(&self, turn: Turn) -> bool {
        self.turn == turn
    }

    /// The component whose turn it is.
    pub(crate) fn current(&self) -> Option<Id> {
        self.queue.last().copied()
    }

    pub(crate) fn next_turn(&mut self) -> Turn {
        self.turn += 1;
        self.turn
    }

    pub(crate) fn called(&mut self, call: Call) {
        self.call = Some(call);
    }

    /// The component whose turn it was is through. Where its time is over, its call is aborted.
    pub(crate) fn current_ended(&mut self) {
        if let Some(call) = self.call.take() {
            call.abort();
        }
        self.queue.pop();
    }

    /// Ends what is under way, and what is wanted.
    pub(crate) fn abort(&mut self) {
        self.wanted = false;
        self.current_ended();
        self.queue.clear();
    }
}
