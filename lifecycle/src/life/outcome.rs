//! What a life came to: plain data, from which reports are made.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::api::leases::Outstanding;
use crate::error::escape::escape;
use crate::life::track::{Mark, Span};
use crate::scope::reason::Reason;

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
    /// What it did when, one after the other; known at the end of the life.
    pub(crate) spans: Vec<Span>,
    /// Who came up last before its start began; nobody where it waited for none.
    pub(crate) start_after: Option<Arc<str>>,
    /// For a resource: who ended last before its turn to stop came; nobody where only the drain was before it.
    pub(crate) stop_after: Option<Arc<str>>,
}

impl Fate {
    pub(super) fn new(name: Arc<str>, worker: bool) -> Self {
        Self {
            name,
            worker,
            started: None,
            stopped: None,
            layer: Layer::Safe,
            errors: Vec::new(),
            restarts: 0,
            unclean: false,
            leaked: InUse::default(),
            tasks_left: Vec::new(),
            spans: Vec::new(),
            start_after: None,
            stop_after: None,
        }
    }

    /// Of main's body, of which there is nothing to say.
    pub(super) fn of_body() -> Self {
        Self {
            started: Some(Duration::ZERO),
            ..Self::new("main".into(), true)
        }
    }

    /// Whether there is anything to say but that it ran.
    pub(crate) fn is_worth_a_line(&self) -> bool {
        self.unclean
            || self.stopped.is_some()
            || !self.errors.is_empty()
            || !self.tasks_left.is_empty()
    }
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
    /// What of that is kept for the emergency hooks.
    pub(crate) reserve: Duration,
    /// The signal that forced the end.
    pub(crate) forced: Option<i32>,
    /// Work that was admitted and had to be cut, by the name of its scope.
    pub(crate) cut_work: Vec<(Arc<str>, u64)>,
    /// When the life began.
    #[cfg_attr(not(feature = "json"), allow(dead_code, reason = "only JSON shows it"))]
    pub(crate) began: SystemTime,
    /// The instants of the life, counted from its begin, in their order.
    pub(crate) marks: Vec<(Mark, Duration)>,
    /// Main's body, where it ran or something is to be said of the app's own scope.
    pub(crate) body: Option<Fate>,
    /// In the order in which they ended, those that never started last.
    pub(crate) fates: Vec<Fate>,
}

/// A life that goes on. What is at something until now has a span without end: it ends at [`Duration::MAX`].
#[cfg_attr(
    not(feature = "admin"),
    allow(dead_code, reason = "only the live page looks at it")
)]
pub(crate) struct SoFar {
    /// As it would be if nothing more happened.
    pub(crate) outcome: Outcome,
    /// How old the life is.
    pub(crate) age: Duration,
    /// Units of admitted work that have not ended.
    pub(crate) in_flight: u64,
}

/// What went wrong with a component, on one line.
pub(crate) fn describe(errors: &[String], tasks_left: &[String], leaked: &InUse) -> String {
    let mut notes = errors.to_vec();
    if !tasks_left.is_empty() {
        notes.push(format!("tasks that did not end: {}", tasks_left.join(", ")));
    }
    let InUse {
        before,
        after,
        oldest,
    } = leaked;
    if *after > 0 {
        let mut note = format!("{after} still in use");
        if before != after {
            let _ = write!(note, " ({before} when its stop began)");
        }
        let mut leases: Vec<String> = oldest.iter().map(ToString::to_string).collect();
        if !leases.is_empty() {
            let rest = after.saturating_sub(leases.len());
            if rest > 0 {
                leases.push(format!("and {rest} more"));
            }
            let _ = write!(note, ", lent at {}", leases.join(", "));
        }
        notes.push(note);
    }
    escape(&notes.join("; "))
}
