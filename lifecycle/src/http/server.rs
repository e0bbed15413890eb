//! [`Server`]: what the connections of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::Phase;
use crate::api::shutdown::Shutdown;
use crate::scope::AppRequest;
use crate::scope::admission::InFlight;

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

    /// Waits for the begin of the lame duck. Where there is none, that never comes.
    pub(super) fn lame_duck(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut lame_duck = self.shutdown.scope.app.lame_duck.subscribe();
        async move {
            if lame_duck.wait_for(|lame_duck| *lame_duck).await.is_err() {
                std::future::pending().await
            }
        }
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
            let scope = &self.shutdown.scope;
            scope.app.admission.note_aborted(&scope.name);
        }
        drop(unit);
    }

    pub(super) fn tell_of_panic(&self, error: String) {
        let scope = &self.shutdown.scope;
        (scope.app.ask)(AppRequest::ReportPanic {
            scope: Arc::clone(&scope.name),
            task: "a request".to_owned(),
            error,
        });
    }
}
