//! [`Scope`]: what the handles of one component, or of the app, refer to.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Draining;
use crate::error::escape::escape;
use crate::scope::admission::{Counters, InFlight};
use crate::scope::app_state::AppState;
use crate::scope::stop_signal::StopSignal;
use crate::scope::task_set::TaskSet;
use crate::sys::fork::refuse_daemon;

/// What the handles of one component, or of the app, refer to.
pub(crate) struct Scope {
    pub(crate) name: Arc<str>,
    pub(crate) app: Arc<AppState>,
    pub(crate) tasks: TaskSet,
    stop_signal: StopSignal,
    /// Counts the work in flight. Created with the first unit, since most scopes never admit any.
    counters: OnceLock<&'static Counters>,
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope")
            .field("name", &self.name)
            .field("stop_requested", &self.is_stop_requested())
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

    /// Asks the scope to stop. Its work is aborted at `abort_at`, which [`Scope::extend`] may move as far as `limit`.
    pub(crate) fn request_stop(&self, abort_at: Instant, limit: Instant) {
        (self.app.wake)(self.stop_signal.request_stop(abort_at, limit));
    }

    pub(crate) fn is_stop_requested(&self) -> bool {
        self.refuse_daemon();
        self.stop_signal.is_stop_requested()
    }

    pub(crate) async fn stop_requested(&self) {
        self.refuse_daemon();
        self.stop_signal.stop_requested().await;
    }

    /// Waits until a stop is requested and at most `margin` remains.
    pub(crate) async fn deadline_within(&self, margin: Duration) {
        self.refuse_daemon();
        self.stop_signal.deadline_within(margin).await;
    }

    /// In a child made by `fork`, no request would ever come.
    fn refuse_daemon(&self) {
        refuse_daemon(|| format!("`{}`", escape(&self.name)));
    }

    pub(crate) fn abort_at(&self) -> Option<Instant> {
        self.stop_signal.abort_at()
    }

    /// Counts a unit of work in flight, unless admission is closed.
    pub(crate) fn admit(&self) -> Result<InFlight, Draining> {
        let new = || self.app.admission.counters(&self.name);
        self.counters.get_or_init(new).admit()
    }

    /// Moves `abort_at` later, as far as the limit allows, and returns by how much.
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
