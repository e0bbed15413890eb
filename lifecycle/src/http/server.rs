//! [`Server`]: what the connections of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::Phase;
use crate::admit::InFlight;
use crate::scope::Ask;
use crate::shutdown::Shutdown;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) shutdown: Shutdown,
    pub(super) phase: watch::Sender<Phase>,
    cut: AtomicUsize,
}

impl Server {
    pub(super) fn new(shutdown: Shutdown) -> Arc<Self> {
        Arc::new(Self {
            shutdown,
            phase: watch::Sender::new(Phase::Serving),
            cut: AtomicUsize::new(0),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// How many units were cut.
    pub(super) fn cut(&self) -> usize {
        self.cut.load(Ordering::Relaxed)
    }

    /// Lets go of a unit whose answer has not ended.
    pub(super) fn let_go(&self, unit: InFlight) {
        if self.phase() == Phase::Cut {
            self.cut.fetch_add(1, Ordering::Relaxed);
            // Before it counts as ended: the drain is over with the last one.
            self.shutdown.scope.note_cut();
        }
        drop(unit);
    }

    pub(super) fn tell_of_panic(&self, error: String) {
        let scope = &self.shutdown.scope;
        (scope.app.ask)(Ask::TellOfPanic {
            scope: Arc::clone(&scope.name),
            task: "a request".to_owned(),
            error,
        });
    }
}
