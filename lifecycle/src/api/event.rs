//! [`Event`]: what happens in the life of an app, for viewers of any kind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api::cleanup_layer::CleanupLayer;
use crate::api::leases::LeaseCounts;
use crate::scope::reason::Reason;

/// One thing that happened in the life of an app, with its instant.
///
/// The console, the log, the probes and systemd are driven by the same events as an observer of your own.
#[derive(Debug, Clone)]
pub struct Event {
    at: Instant,
    kind: EventKind,
}

impl Event {
    pub(crate) fn new(at: Instant, kind: EventKind) -> Self {
        Self { at, kind }
    }

    /// The instant at which it happened, which is before the observer is called.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &EventKind {
        &self.kind
    }

    /// The name of the component that the event is about; `None` for an event of the whole app.
    ///
    /// Events of main's body carry the name `main`.
    #[must_use]
    pub fn component(&self) -> Option<&str> {
        match &self.kind {
            EventKind::Starting { name, .. }
            | EventKind::Started { name, .. }
            | EventKind::StartFailed { name, .. }
            | EventKind::SlowFirstPoll { name }
            | EventKind::Finished { name }
            | EventKind::Restarting { name, .. }
            | EventKind::Failed { name, .. }
            | EventKind::ExpectedError { name, .. }
            | EventKind::TaskPanicked { name, .. }
            | EventKind::Stopping { name, .. }
            | EventKind::EmergencyHook { name }
            | EventKind::Stopped { name, .. }
            | EventKind::Reloaded { name, .. } => Some(name),
            EventKind::Warning { .. }
            | EventKind::Running { .. }
            | EventKind::ShutdownBegan { .. }
            | EventKind::LameDuck { .. }
            | EventKind::Draining { .. }
            | EventKind::StillDraining { .. }
            | EventKind::Forced { .. }
            | EventKind::ReloadBegan { .. }
            | EventKind::ReloadEnded => None,
        }
    }
}

/// What an [`Event`] says. More kinds, and more fields, may be added: match with `..` and a wildcard arm.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventKind {
    /// The configuration is accepted, but something about it looks like a mistake.
    #[non_exhaustive]
    Warning {
        /// What looks wrong, on one line.
        message: String,
    },
    /// The first attempt to start a resource began, or a worker was started.
    #[non_exhaustive]
    Starting {
        /// The component.
        name: Arc<str>,
        /// The time limit of one attempt.
        time_limit: Duration,
    },
    /// A component is up.
    #[non_exhaustive]
    Started {
        /// The component.
        name: Arc<str>,
        /// The time from the first attempt until it was up.
        took: Duration,
    },
    /// An attempt to start a component failed.
    #[non_exhaustive]
    StartFailed {
        /// The component.
        name: Arc<str>,
        /// Which attempt it was, counted from 1.
        attempt: u32,
        /// The error with its causes, on one line.
        error: String,
        /// The delay before the next attempt; `None` when there is none, so that the startup fails.
        retry_in: Option<Duration>,
    },
    /// A worker did not return from its first poll within 100 ms; the startup goes on without waiting for it.
    #[non_exhaustive]
    SlowFirstPoll {
        /// The worker.
        name: Arc<str>,
    },
    /// All components are up.
    #[non_exhaustive]
    Running {
        /// How long the startup took.
        took: Duration,
    },
    /// A worker returned without an error and is not run again.
    #[non_exhaustive]
    Finished {
        /// The worker.
        name: Arc<str>,
    },
    /// A worker returned without an error and is run again.
    #[non_exhaustive]
    Restarting {
        /// The worker.
        name: Arc<str>,
        /// The delay before its next run.
        retry_in: Duration,
    },
    /// A worker, or the app by [`Shutdown::fail`](crate::Shutdown::fail), failed.
    #[non_exhaustive]
    Failed {
        /// The component.
        name: Arc<str>,
        /// The error with its causes, on one line.
        error: String,
        /// The delay before the worker's next run; `None` when it is not run again.
        retry_in: Option<Duration>,
    },
    /// A component ended with an error that stopping itself provokes, such as a closed connection.
    #[non_exhaustive]
    ExpectedError {
        /// The component.
        name: Arc<str>,
        /// The error with its causes, on one line.
        error: String,
    },
    /// A tracked task panicked and nothing awaited it.
    #[non_exhaustive]
    TaskPanicked {
        /// The component in whose scope it was spawned.
        name: Arc<str>,
        /// The task.
        task: String,
        /// The panic's message.
        error: String,
    },
    /// The app is going to stop: the deadline is fixed.
    #[non_exhaustive]
    ShutdownBegan {
        /// The first cause to stop.
        reason: Reason,
        /// The time until the deadline.
        time_limit: Duration,
    },
    /// The app is not ready any more, and goes on serving.
    #[non_exhaustive]
    LameDuck {
        /// For how long.
        time: Duration,
    },
    /// Admission is closed, and the app drains.
    #[non_exhaustive]
    Draining {
        /// What is awaited.
        pending: PendingWork,
        /// The time that the drain has.
        time_limit: Duration,
    },
    /// What the drain still waits for: once a second, if it has changed.
    #[non_exhaustive]
    StillDraining {
        /// What is awaited.
        pending: PendingWork,
    },
    /// A component has been asked to stop.
    #[non_exhaustive]
    Stopping {
        /// The component.
        name: Arc<str>,
        /// The time that it has.
        time_limit: Duration,
    },
    /// The emergency hook of a component is due.
    #[non_exhaustive]
    EmergencyHook {
        /// The component.
        name: Arc<str>,
    },
    /// A component has ended.
    #[non_exhaustive]
    Stopped {
        /// The component.
        name: Arc<str>,
        /// The time from the request to stop to its end.
        took: Duration,
        /// The layer of cleanup that it needed.
        layer: CleanupLayer,
        /// What went wrong, in order, each on one line.
        errors: Vec<String>,
        /// The tasks that did not end even when cancelled.
        unfinished_tasks: Vec<String>,
        /// What it had lent out.
        leases: LeaseCounts,
    },
    /// Only the emergency layer remains.
    #[non_exhaustive]
    Forced {
        /// The signal that forced it; `None` when the time was over.
        signal: Option<i32>,
    },
    /// The components with a `reload` hook are reloaded, one after the other.
    #[non_exhaustive]
    ReloadBegan {
        /// The time that all of them have together.
        time_limit: Duration,
    },
    /// The `reload` hook of a component has ended.
    #[non_exhaustive]
    Reloaded {
        /// The component.
        name: Arc<str>,
        /// Why it failed; the component goes on with its previous state.
        error: Option<String>,
    },
    /// All `reload` hooks have ended.
    ReloadEnded,
}

/// What a drain waits for, workers aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingWork {
    /// Units of admitted work.
    pub in_flight: u64,
    /// The same by the name of the scope that admitted them.
    pub by_scope: Vec<(Arc<str>, u64)>,
    /// Tasks of the app and of its workers.
    pub tasks: usize,
    /// Whether main's body still runs.
    pub main: bool,
}

/// The receiver of the events of one life. It must return at once.
pub(crate) type Observer = Box<dyn FnMut(Event) + Send>;
