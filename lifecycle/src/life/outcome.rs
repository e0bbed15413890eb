//! What a life has come to: plain data, from which reports are made.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::api::cleanup_layer::CleanupLayer;
use crate::api::event::EventKind;
use crate::api::leases::LeaseCounts;
use crate::error::escape::escape;
use crate::life::track::{Mark, Span};
use crate::scope::reason::Reason;

/// What happened to one component.
#[derive(Debug, Clone)]
pub(crate) struct ComponentOutcome {
    pub(crate) name: Arc<str>,
    pub(crate) worker: bool,
    /// How long its start took; `None` when it never came up.
    pub(crate) started: Option<Duration>,
    /// How long it took to stop, everything included; `None` when it was not up.
    pub(crate) stopped: Option<Duration>,
    pub(crate) layer: CleanupLayer,
    /// What went wrong, in the order in which it did.
    pub(crate) errors: Vec<String>,
    pub(crate) restarts: u32,
    /// Something that changes the exit code: aborted, failed, abandoned.
    pub(crate) unclean: bool,
    /// How many leases were out after its stop.
    pub(crate) leaked: LeaseCounts,
    /// The tasks that did not end even when cancelled.
    pub(crate) unfinished_tasks: Vec<String>,
    /// What it did when, one after the other; known at the end of the life.
    pub(crate) spans: Vec<Span>,
    /// The component that came up last before its start began; `None` where it waited for none.
    pub(crate) start_after: Option<Arc<str>>,
    /// For a resource: the one that ended last before its turn to stop came; `None` where only the drain was before it.
    pub(crate) stop_after: Option<Arc<str>>,
}

impl ComponentOutcome {
    pub(super) fn new(name: Arc<str>, worker: bool) -> Self {
        Self {
            name,
            worker,
            started: None,
            stopped: None,
            layer: CleanupLayer::Safe,
            errors: Vec::new(),
            restarts: 0,
            unclean: false,
            leaked: LeaseCounts::default(),
            unfinished_tasks: Vec::new(),
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

    /// The event that says that it has ended.
    pub(super) fn stopped_event(self) -> EventKind {
        EventKind::Stopped {
            name: self.name,
            took: self.stopped.unwrap_or_default(),
            layer: self.layer,
            errors: self.errors,
            unfinished_tasks: self.unfinished_tasks,
            leases: self.leaked,
        }
    }

    /// Whether there is anything to say but that it ran.
    pub(crate) fn is_worth_a_line(&self) -> bool {
        self.unclean
            || self.stopped.is_some()
            || !self.errors.is_empty()
            || !self.unfinished_tasks.is_empty()
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
    /// Admitted work that had to be aborted, by the name of its scope.
    pub(crate) aborted_work: Vec<(Arc<str>, u64)>,
    /// When the life began.
    #[cfg_attr(not(feature = "json"), allow(dead_code, reason = "only JSON shows it"))]
    pub(crate) began: SystemTime,
    /// The instants of the life, counted from its begin, in their order.
    pub(crate) marks: Vec<(Mark, Duration)>,
    /// Main's body, where it ran or something is to be said of the app's own scope.
    pub(crate) body: Option<ComponentOutcome>,
    /// In the order in which they ended, those that never started last.
    pub(crate) components: Vec<ComponentOutcome>,
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
pub(crate) fn describe(
    errors: &[String],
    unfinished_tasks: &[String],
    leaked: &LeaseCounts,
) -> String {
    let mut notes = errors.to_vec();
    if !unfinished_tasks.is_empty() {
        notes.push(format!(
            "tasks that did not end: {}",
            unfinished_tasks.join(", ")
        ));
    }
    let LeaseCounts {
        before_stop: before,
        after_stop: after,
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
