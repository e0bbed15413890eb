//! [`Server`]: the state that the connections of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::phase::Phase;
use crate::api::shutdown::Shutdown;
use crate::scope::AppRequest;
use crate::scope::admission::InFlight;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) shutdown: Shutdown,
    pub(super) phase: watch::Sender<Phase>,
    /// The number of requests that were aborted.
    aborted: AtomicUsize,
}

impl Server {
    pub(super) fn new(shutdown: Shutdown) -> Arc<Self> {
        Arc::new(Self {
            shutdown,
            phase: watch::Sender::new(Phase::Serving),
            aborted: AtomicUsize::new(0),
        })
    }

    /// Completes when the lame duck begins; never, where the app has none.
    pub(super) fn lame_duck(&self) -> impl Future<Output = ()> + Send + use<> {
        let app = Arc::clone(&self.shutdown.scope.app);
        async move { app.lame_duck.wait().await }
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// How many requests were aborted.
    pub(super) fn aborted(&self) -> usize {
        // Only a number in a log line: nothing is ordered by it.
        self.aborted.load(Ordering::Relaxed)
    }

    /// Releases a unit whose response was not completed.
    pub(super) fn release(&self, unit: InFlight) {
        if self.phase() == Phase::Aborting {
            self.aborted.fetch_add(1, Ordering::Relaxed);
            // Before the unit is dropped: the drain may be over with it, and the report is made then.
            let scope = &self.shutdown.scope;
            scope.app.admission.note_aborted(&scope.name);
        }
        drop(unit);
    }

    pub(super) fn report_panic(&self, error: String) {
        let scope = &self.shutdown.scope;
        (scope.app.ask)(AppRequest::ReportPanic {
            scope: Arc::clone(&scope.name),
            task: "a request".to_owned(),
            error,
        });
    }
}
