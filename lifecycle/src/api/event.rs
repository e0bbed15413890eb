//! [`Event`]: what happens in the life of an app, for observers and for all viewers of the crate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api::cleanup_layer::CleanupLayer;
use crate::api::leases::LeaseCounts;
use crate::scope::reason::Reason;

/// Something that happened in the life of an app, with the instant at which it happened.
///
/// [`Builder::observer`](crate::Builder::observer) and [`Setup::observe`](crate::Setup::observe) add a function that is
/// called with each event. The console, the log, the probes, the metrics and systemd are built on the same events.
///
/// # Order
///
/// The events of one life have one order, which is the order in which they happened, and [`Event::at`] never decreases
/// from one to the next. Within it:
///
/// - `Started` of a component precedes `Starting` of every component that needs it, or that has a greater `order`.
///   Background workers follow the resources.
/// - `Started` of every component precedes [`Running`](EventKind::Running); a worker may already have
///   [`Finished`](EventKind::Finished) by then. `Running` is not sent when the startup fails or is stopped.
/// - [`ShutdownBegan`](EventKind::ShutdownBegan) is sent exactly once, after the failure that was its cause, if any. It
///   precedes every `Stopping` and `Stopped`.
/// - [`LameDuck`](EventKind::LameDuck), [`Draining`](EventKind::Draining) and [`Forced`](EventKind::Forced) are each
///   sent at most once, in this order.
/// - `Stopped` of a component precedes `Stopping` of everything that it needs. `Stopped` of every background worker
///   precedes `Stopping` of every resource.
/// - [`Ended`](EventKind::Ended) is the last event, and is sent exactly once, unless the process ends earlier: by
///   `SIGKILL` or `_exit`, or because the deadline expired with user code still running.
///
/// Components that do not depend on each other start and stop concurrently, so that their events interleave.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// use lifecycle::{Event, EventKind, Lifecycle, Shutdown};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lifecycle::StartError> {
/// let (sender, started) = mpsc::channel();
/// let running = Lifecycle::builder()
///     .background("poll", |shutdown: Shutdown| async move { shutdown.requested().await })
///     .observer(move |event: &Event| {
///         if let EventKind::Started { name, took, .. } = event.kind() {
///             let _ = sender.send((name.to_string(), *took));
///         }
///     })
///     .start()
///     .await?;
/// running.stop().await;
/// // All events have been delivered when `stop` returns.
/// assert_eq!(started.try_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["poll"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Event {
    at: Instant,
    kind: EventKind,
}

impl Event {
    pub(crate) fn new(at: Instant, kind: EventKind) -> Self {
        Self { at, kind }
    }

    /// The last event, of a life that ends now.
    pub(crate) fn ended(exit_code: i32) -> Self {
        // Of tokio's clock, as all instants of a life: it may be paused.
        let now = tokio::time::Instant::now().into_std();
        Self::new(now, EventKind::Ended { exit_code })
    }

    /// A warning of now.
    pub(crate) fn warning(message: String) -> Self {
        let now = tokio::time::Instant::now().into_std();
        Self::new(now, EventKind::Warning { message })
    }

    /// Returns the instant at which it happened, which is before the observer is called: an observer that is slow sees
    /// the same instants as one that is not.
    ///
    /// Under tokio's paused clock it is an instant of that clock.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Returns what happened.
    #[must_use]
    pub fn kind(&self) -> &EventKind {
        &self.kind
    }

    /// Returns the name of the component that the event is about, or `None` for an event of the whole app.
    ///
    /// Events of the body of `main` carry the name `main`.
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
            | EventKind::ReloadEnded
            | EventKind::Lagged { .. }
            | EventKind::Ended { .. } => None,
        }
    }
}

/// What happened.
///
/// More kinds, and more fields, may be added: match with `..` and a wildcard arm. [`Event`] describes the order in
/// which they are sent. Names are those of the report.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventKind {
    /// The configuration is accepted, but something about it looks like a mistake.
    ///
    /// Sent before the first [`Starting`](Self::Starting), once for each such thing.
    #[non_exhaustive]
    Warning {
        /// What looks wrong, on one line.
        message: String,
    },
    /// The first attempt to start a resource began, or a background worker was started.
    ///
    /// Sent at most once for each component: further attempts and restarts do not repeat it. A component that was
    /// provided or disabled has no events.
    #[non_exhaustive]
    Starting {
        /// The component.
        name: Arc<str>,
        /// The time limit of one attempt: its `start_timeout`.
        time_limit: Duration,
    },
    /// A component is up.
    ///
    /// Sent at most once for each component: a worker that is restarted has been up all the time. A worker is up when
    /// it has been polled once, or when it says so by [`Ready`](crate::Ready); a periodic one at once.
    #[non_exhaustive]
    Started {
        /// The component.
        name: Arc<str>,
        /// The time from the first attempt until it was up.
        took: Duration,
    },
    /// An attempt to start a resource failed: its `start` returned an error, panicked or took longer than its
    /// `start_timeout`.
    ///
    /// Sent once for each failed attempt. An attempt that ends with an error because the app is stopping is not one.
    #[non_exhaustive]
    StartFailed {
        /// The component.
        name: Arc<str>,
        /// Which attempt it was, counted from 1.
        attempt: u32,
        /// The error with its causes, on one line.
        error: String,
        /// The delay before the next attempt; `None` if there is none, in which case the startup fails.
        retry_in: Option<Duration>,
    },
    /// A worker did not return from its first poll within 100 ms. It counts as up, and the startup goes on.
    ///
    /// Sent at most once for each worker, before its [`Started`](Self::Started).
    #[non_exhaustive]
    SlowFirstPoll {
        /// The worker.
        name: Arc<str>,
    },
    /// All components are up. The body of `main` runs from now on.
    ///
    /// Sent at most once.
    #[non_exhaustive]
    Running {
        /// How long the startup took.
        took: Duration,
    },
    /// A worker returned without an error and is not run again.
    ///
    /// Sent at most once for each worker. One that returns because it was asked to stop has
    /// [`Stopped`](Self::Stopped) only.
    #[non_exhaustive]
    Finished {
        /// The worker.
        name: Arc<str>,
    },
    /// A worker returned without an error and is run again. The runs of a periodic worker are not reported.
    ///
    /// Sent each time.
    #[non_exhaustive]
    Restarting {
        /// The worker.
        name: Arc<str>,
        /// The delay before its next run.
        retry_in: Duration,
    },
    /// A worker or the body of `main` failed, or a component made the app fail by
    /// [`Shutdown::fail`](crate::Shutdown::fail).
    ///
    /// Sent each time.
    #[non_exhaustive]
    Failed {
        /// The component.
        name: Arc<str>,
        /// The error with its causes, on one line.
        error: String,
        /// The delay before the worker's next run; `None` if it is not run again.
        retry_in: Option<Duration>,
    },
    /// A component ended with an error that stopping itself provokes, such as a closed connection. It is not a failure.
    ///
    /// Sent each time.
    #[non_exhaustive]
    ExpectedError {
        /// The component.
        name: Arc<str>,
        /// The error with its causes, on one line.
        error: String,
    },
    /// A tracked task panicked and nothing awaited it.
    ///
    /// Sent once for each such task.
    #[non_exhaustive]
    TaskPanicked {
        /// The component in whose scope it was spawned.
        name: Arc<str>,
        /// The name of the task.
        task: String,
        /// The message of the panic.
        error: String,
    },
    /// The app is going to stop, and the deadline is fixed.
    ///
    /// Sent exactly once, at the first cause to stop; later causes change neither reason nor deadline.
    #[non_exhaustive]
    ShutdownBegan {
        /// The first cause to stop.
        reason: Reason,
        /// The time until the deadline: `shutdown_timeout`.
        time_limit: Duration,
    },
    /// The app is not ready any more, and goes on serving.
    ///
    /// Sent at most once: not if `lame_duck` is zero, if the app was never up, or if `SIGINT` stops it.
    #[non_exhaustive]
    LameDuck {
        /// For how long it goes on.
        time: Duration,
    },
    /// Admission is closed, and the app drains: main's body and the workers are asked to stop, admitted work ends.
    ///
    /// Sent at most once: not if the end is forced before that.
    #[non_exhaustive]
    Draining {
        /// What is pending.
        pending: PendingWork,
        /// The time that the drain has.
        time_limit: Duration,
    },
    /// The drain goes on.
    ///
    /// Sent once a second at most, and only if what is pending has changed.
    #[non_exhaustive]
    StillDraining {
        /// What is pending.
        pending: PendingWork,
    },
    /// A component has been asked to stop.
    ///
    /// Sent at most once for each component: not for a resource without a `stop`, nor for a worker that does not run,
    /// be it between two runs or for good.
    #[non_exhaustive]
    Stopping {
        /// The component.
        name: Arc<str>,
        /// The time that it has.
        time_limit: Duration,
    },
    /// The `stop` of a component failed, panicked or took too long, and its emergency hook is called.
    ///
    /// Sent at most once for each component. [`Forced`](Self::Forced) stands for all hooks that are called from then
    /// on.
    #[non_exhaustive]
    EmergencyHook {
        /// The component.
        name: Arc<str>,
    },
    /// A component has ended.
    ///
    /// Sent at most once for each component that was up, one without a `stop` included. A worker that ended by itself
    /// before it was asked to stop has [`Finished`](Self::Finished) or [`Failed`](Self::Failed) instead. Of the body of
    /// `main` it is sent only if it had to be aborted.
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
        /// The names of the tasks that did not end even when they were aborted.
        unfinished_tasks: Vec<String>,
        /// The leases that were outstanding.
        leases: LeaseCounts,
    },
    /// The emergency phase begins: everything else is aborted, and the emergency hooks of all components that are up
    /// run.
    ///
    /// Sent at most once.
    #[non_exhaustive]
    Forced {
        /// The signal that forced it; `None` if the time was over, or user code called `exit`.
        signal: Option<i32>,
        /// Whether user code called `exit` while components were up.
        exited: bool,
    },
    /// The components with a `reload` hook are reloaded, one after the other in start order.
    ///
    /// Sent for each reload. A stop aborts a reload, which then has no [`ReloadEnded`](Self::ReloadEnded).
    #[non_exhaustive]
    ReloadBegan {
        /// The time that all of them have together.
        time_limit: Duration,
    },
    /// The `reload` hook of a component has ended.
    ///
    /// Sent once for each such component in each reload.
    #[non_exhaustive]
    Reloaded {
        /// The component.
        name: Arc<str>,
        /// Why it failed; the component goes on with its previous state.
        error: Option<String>,
    },
    /// All `reload` hooks have ended.
    ///
    /// Sent once for each reload that was not aborted.
    ReloadEnded,
    /// This observer was too slow, and events were dropped to bound the memory that they take.
    ///
    /// Sent in the place of the dropped events, which are the oldest of those that waited, to that observer only. Its
    /// instant is that of the last one of them.
    #[non_exhaustive]
    Lagged {
        /// How many events were dropped.
        missed: u64,
    },
    /// The life has ended, and the report is made. The last event.
    ///
    /// Sent exactly once; see [`Event`] for what prevents it.
    #[non_exhaustive]
    Ended {
        /// The exit code: that of the process, or of the [`Report`](crate::Report).
        exit_code: i32,
    },
}

/// What a drain waits for, workers aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingWork {
    /// The units of admitted work.
    pub in_flight: u64,
    /// The same by the name of the scope that admitted them.
    pub by_scope: Vec<(Arc<str>, u64)>,
    /// The tasks of the app and of its workers.
    pub tasks: usize,
    /// Whether the body of `main` still runs.
    pub main: bool,
}

/// The receiver of the events of one life, called by its driver. It must return at once, and run no user code.
pub(crate) type Observer = Box<dyn FnMut(Event) + Send>;

/// A function of the user's that is called with each event, on a thread of its own.
pub(crate) type UserObserver = Box<dyn FnMut(&Event) + Send>;
