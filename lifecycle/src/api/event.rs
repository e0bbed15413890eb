//! What a life tells whoever watches it.

use std::sync::Arc;
use std::time::Duration;

use super::outcome::{Fate, InUse, Layer};
use crate::scope::reason::Reason;

/// One thing that has just happened. Watching never holds up the life: observers only pass notices on.
#[derive(Debug, Clone)]
pub(crate) enum Notice {
    Warning(String),
    Starting {
        name: Arc<str>,
        allowed: Duration,
    },
    Started {
        name: Arc<str>,
        took: Duration,
    },
    StartFailed {
        name: Arc<str>,
        attempt: u32,
        error: String,
        again_in: Option<Duration>,
    },
    /// A worker that did not return from its first poll in time; the startup goes on.
    SlowToStart {
        name: Arc<str>,
    },
    Running {
        took: Duration,
    },
    Finished {
        name: Arc<str>,
    },
    /// A worker ended by itself and is started again.
    Restarting {
        name: Arc<str>,
        again_in: Duration,
    },
    /// A worker failed; `again_in` when it is started again.
    Failed {
        name: Arc<str>,
        error: String,
        again_in: Option<Duration>,
    },
    /// An error that stopping itself provokes.
    ExpectedError {
        name: Arc<str>,
        error: String,
    },
    TaskPanicked {
        name: Arc<str>,
        task: String,
        error: String,
    },
    Stopping {
        reason: Reason,
        limit: Duration,
    },
    LameDuck {
        time: Duration,
    },
    Draining {
        left: Left,
        time: Duration,
    },
    /// What the drain still waits for: told every second, where it has changed.
    StillDraining {
        left: Left,
    },
    /// Cleanup of a component has begun.
    StopBegan {
        name: Arc<str>,
        allowed: Duration,
    },
    Emergency {
        name: Arc<str>,
    },
    Stopped {
        name: Arc<str>,
        took: Duration,
        layer: Layer,
        errors: Vec<String>,
        tasks_left: Vec<String>,
        leaked: InUse,
    },
    Forced {
        signal: Option<i32>,
    },
    /// What can be reloaded is, one after the other, within so long.
    Reloading {
        limit: Duration,
    },
    Reloaded {
        name: Arc<str>,
        error: Option<String>,
    },
    ReloadEnded,
}

/// What a drain waits for, beside workers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// Units of admitted work.
    pub(crate) in_flight: u64,
    /// By the names of their scopes.
    pub(crate) by_name: Vec<(Arc<str>, u64)>,
    /// Tasks of the app and of its workers.
    pub(crate) tasks: usize,
    /// Whether main's body runs.
    pub(crate) body: bool,
}

impl Notice {
    /// That a component has ended, for good or ill.
    pub(super) fn stopped(fate: Fate) -> Self {
        Self::Stopped {
            name: fate.name,
            took: fate.stopped.unwrap_or_default(),
            layer: fate.layer,
            errors: fate.errors,
            tasks_left: fate.tasks_left,
            leaked: fate.leaked,
        }
    }
}

/// Whoever watches.
pub(crate) type Observer = Box<dyn FnMut(Notice) + Send>;
