//! The scope of a component, or of the app: whether it has been told to stop, until when, and the tasks within it.
//!
//! Invariants:
//!
//! 1. `told` goes from false to true once, and is set before its waiters are woken: whoever registers with `telling`
//!    before looking at `told` cannot miss it.
//! 2. Times are nanoseconds since the app's `origin`, so that they fit an atomic; `NEVER` stands for none.
//! 3. `cut_at` is only ever moved later, and never past `limit`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::admit::Admission;
use crate::error::Failure;
use crate::reason::Reason;
use crate::task_set::TaskSet;

const NEVER: u64 = u64::MAX;

/// What all scopes of an app share.
pub(crate) struct AppState {
    pub(crate) origin: Instant,
    pub(crate) runtime: runtime::Handle,
    pub(crate) reason: OnceLock<Reason>,
    pub(crate) admission: Admission,
    /// How a handle asks the whole app to stop.
    pub(crate) ask: Box<dyn Fn(Ask) + Send + Sync>,
}

/// What a handle can ask of the whole app, with the name of the scope that asks.
pub(crate) enum Ask {
    Stop,
    Fail(Arc<str>, Failure),
    /// Nothing, but somebody should know.
    TellOfPanic {
        scope: Arc<str>,
        task: String,
        error: String,
    },
}

pub(crate) struct Scope {
    pub(crate) name: Arc<str>,
    pub(crate) app: Arc<AppState>,
    pub(crate) tasks: TaskSet,
    told: AtomicBool,
    telling: Notify,
    cut_at: AtomicU64,
    limit: AtomicU64,
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope")
            .field("name", &self.name)
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}

impl AppState {
    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.origin).as_nanos()).unwrap_or(NEVER - 1)
    }
}

impl Scope {
    pub(crate) fn new(name: Arc<str>, app: Arc<AppState>) -> Arc<Self> {
        Arc::new(Self {
            name,
            app,
            tasks: TaskSet::default(),
            told: AtomicBool::new(false),
            telling: Notify::new(),
            cut_at: AtomicU64::new(NEVER),
            limit: AtomicU64::new(NEVER),
        })
    }

    /// Tells the scope to stop. It is cut off at `cut_at`, and may extend that up to `limit`.
    pub(crate) fn tell(&self, cut_at: Instant, limit: Instant) {
        self.limit
            .store(self.app.nanos(limit.max(cut_at)), Ordering::Relaxed);
        self.cut_at.store(self.app.nanos(cut_at), Ordering::Relaxed);
        // Release: who sees `told` sees the times.
        if !self.told.swap(true, Ordering::AcqRel) {
            self.telling.notify_waiters();
        }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }

    pub(crate) async fn told(&self) {
        if self.is_told() {
            return;
        }
        let told = self.telling.notified();
        tokio::pin!(told);
        // Registered before the second look, so that nothing can fall between (invariant 1).
        told.as_mut().enable();
        if !self.is_told() {
            told.await;
        }
    }

    pub(crate) fn cut_at(&self) -> Option<Instant> {
        match self.cut_at.load(Ordering::Relaxed) {
            NEVER => None,
            nanos => Some(self.app.origin + Duration::from_nanos(nanos)),
        }
    }

    /// Moves the cut later, as far as its limit allows, and returns by how much.
    pub(crate) fn extend(&self, by: Duration) -> Duration {
        if !self.is_told() {
            return Duration::ZERO;
        }
        let by = u64::try_from(by.as_nanos()).unwrap_or(NEVER);
        let limit = self.limit.load(Ordering::Relaxed);
        let extended = |at: u64| at.saturating_add(by).min(limit).max(at);
        let before = self
            .cut_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| {
                Some(extended(at))
            })
            .unwrap_or_else(|at| at);
        Duration::from_nanos(extended(before) - before)
    }
}
