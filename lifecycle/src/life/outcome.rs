//! What a life came to: plain data, from which reports are made.

use std::sync::Arc;
use std::time::Duration;

use crate::leases::Outstanding;
use crate::reason::Reason;

/// How far the cleanup of a component had to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The hook ran to its end.
    Safe,
    /// It was cut at its time.
    Timeout,
    /// Its emergency hook was due.
    Emergency,
}

impl Layer {
    /// As reports write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Timeout => "timeout",
            Self::Emergency => "emergency",
        }
    }
}

/// How many leases of a resource were out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct InUse {
    /// When its stop began: all that depend on it had ended by then.
    pub(crate) before: usize,
    /// After its stop: a leak.
    pub(crate) after: usize,
    /// The oldest of these, where the resource knows them.
    pub(crate) oldest: Vec<Outstanding>,
}

/// What happened to one component.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    pub(crate) name: Arc<str>,
    pub(crate) worker: bool,
    /// How long its start took; `None` when it never came up.
    pub(crate) started: Option<Duration>,
    /// How long it took to stop, everything included; `None` when it was not up.
    pub(crate) stopped: Option<Duration>,
    pub(crate) layer: Layer,
    /// What went wrong, in the order in which it did.
    pub(crate) errors: Vec<String>,
    pub(crate) restarts: u32,
    /// Something that changes the exit code: cut, failed, abandoned.
    pub(crate) unclean: bool,
    /// How many leases were out after its stop.
    pub(crate) leaked: InUse,
    /// The tasks that did not end even when cancelled.
    pub(crate) tasks_left: Vec<String>,
}

/// What the whole life came to.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) app: String,
    pub(crate) reason: Reason,
    /// The error that stopped the app: the first one.
    pub(crate) root: Option<String>,
    /// Whether the app came up.
    pub(crate) ran: bool,
    pub(crate) exit_code: i32,
    pub(crate) startup: Duration,
    pub(crate) shutdown: Duration,
    pub(crate) limit: Duration,
    /// The signal that forced the end.
    pub(crate) forced: Option<i32>,
    /// Work that was admitted and had to be cut, by the name of its scope.
    pub(crate) cut_work: Vec<(Arc<str>, u64)>,
    /// In the order in which they ended, those that never started last.
    pub(crate) fates: Vec<Fate>,
}
