//! The scope of a component, or of the app: whether it has been told to stop, until when, and the tasks within it.

pub(crate) mod admission;
pub(crate) mod reason;
pub(crate) mod stop_signal;
pub(crate) mod task_set;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::Draining;
use crate::error::failure::Failure;
use crate::scope::admission::{Admission, Counters, InFlight};
use crate::scope::reason::Reason;
use crate::scope::stop_signal::StopSignal;
use crate::scope::task_set::TaskSet;

/// What all scopes of an app share.
pub(crate) struct AppState {
    pub(crate) runtime: runtime::Handle,
    pub(crate) reason: OnceLock<Reason>,
    pub(crate) admission: Admission,
    /// Whether the app is not ready any more, although it still serves for a while.
    pub(crate) lame_duck: watch::Sender<bool>,
    /// How a handle asks the whole app to stop.
    pub(crate) ask: Box<dyn Fn(AppRequest) + Send + Sync>,
}

/// What a handle can ask of the whole app, with the name of the scope that asks.
pub(crate) enum AppRequest {
    Stop,
    Fail(Arc<str>, Failure),
    /// Nothing, but somebody should know.
    ReportPanic {
        scope: Arc<str>,
        task: String,
        error: String,
    },
}

pub(crate) struct Scope {
    pub(crate) name: Arc<str>,
    pub(crate) app: Arc<AppState>,
    pub(crate) tasks: TaskSet,
    stop_signal: StopSignal,
    /// Of its work in flight; most scopes have none.
    counters: OnceLock<&'static Counters>,
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope")
            .field("name", &self.name)
            .field("told", &self.is_stop_requested())
            .finish_non_exhaustive()
    }
}

impl Scope {
    pub(crate) fn new(name: Arc<str>, app: Arc<AppState>) -> Arc<Self> {
        Arc::new(Self {
            name,
            app,
            tasks: TaskSet::default(),
            stop_signal: StopSignal::new(),
            counters: OnceLock::new(),
        })
    }

    /// Tells the scope to stop. It is cut off at `abort_at`, and may extend that up to `limit`.
    pub(crate) fn request_stop(&self, abort_at: Instant, limit: Instant) {
        self.stop_signal.request_stop(abort_at, limit);
    }

    pub(crate) fn is_stop_requested(&self) -> bool {
        self.stop_signal.is_stop_requested()
    }

    pub(crate) async fn stop_requested(&self) {
        self.stop_signal.stop_requested().await;
    }

    /// Waits until it is told and has no more than `margin` left.
    pub(crate) async fn deadline_within(&self, margin: Duration) {
        self.stop_signal.deadline_within(margin).await;
    }

    pub(crate) fn abort_at(&self) -> Option<Instant> {
        self.stop_signal.abort_at()
    }

    /// Counts a unit of work in flight.
    pub(crate) fn admit(&self) -> Result<InFlight, Draining> {
        let new = || self.app.admission.counters(&self.name);
        self.counters.get_or_init(new).admit()
    }

    /// Moves the cut later, as far as its limit allows, and returns by how much.
    pub(crate) fn extend(&self, by: Duration) -> Duration {
        self.stop_signal.extend(by)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if let Some(counters) = self.counters.get() {
            self.app.admission.retire(counters);
        }
    }
}
