//! [`ComponentState`]: one component in the driver.
//!
//! A resource goes `Waiting -> Starting -> Up -> Stopping -> StoppingTasks -> (InEmergency) -> (Dropping) -> Ended`, with
//! `Scheduled` between attempts to start. A worker goes `Waiting -> Running -> EndingTasks -> Ended`, with `Scheduled`
//! between runs. The emergency layer moves whatever it finds to `Abandoned` or `Ended`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use crate::api::cleanup_layer::CleanupLayer;
use crate::life::call::Call;
use crate::life::hook_error::HookError;
use crate::life::hook_threads::Hold;
use crate::life::input::Turn;
use crate::life::outcome::ComponentOutcome;
use crate::life::restart_history::RestartHistory;
use crate::life::track::{Activity, Track};
use crate::plan::component::{Component, Id, Kind};
use crate::scope::Scope;

/// Where a component is in its life.
///
/// `aborted` says in each of these that the tasks of the component have been cancelled. They have a moment to be dropped,
/// which no extension of the scope's time makes longer.
pub(crate) enum Phase {
    Waiting,
    /// A resource whose `start` runs.
    Starting,
    /// A resource that is up.
    Up,
    /// A worker whose function runs.
    Running {
        aborted: bool,
    },
    /// A start that failed, or a worker that ended, is tried again at a timer.
    Scheduled,
    /// A worker whose function has ended, but not all of its tasks.
    EndingTasks {
        /// How the function ended; `None` where it was aborted, which is written down already.
        end: Option<RunEnd>,
        aborted: bool,
    },
    /// A resource whose `stop` runs.
    Stopping,
    /// A resource whose `stop` has ended, but not all of its tasks.
    StoppingTasks {
        /// Its `stop` returned `Ok` in time: its emergency hook is not due.
        graceful: bool,
        aborted: bool,
    },
    InEmergency {
        since: Instant,
        /// The hook runs in real time: a paused clock must not jump over its share.
        #[expect(dead_code, reason = "its drop is what counts")]
        hold: Hold,
    },
    /// A resource whose destructor runs.
    Dropping {
        aborted: bool,
    },
    Ended,
    /// It had not ended when the time was over.
    Abandoned,
}

/// How a worker's function ended.
pub(crate) struct RunEnd {
    pub(crate) result: Result<(), HookError>,
    /// Before it was asked to stop: what follows is up to its policy.
    pub(crate) by_itself: bool,
}

pub(crate) struct ComponentState {
    pub(crate) phase: Phase,
    pub(crate) turn: Turn,
    /// When its start began, or, once it is asked to stop, when that was.
    pub(crate) since: Instant,
    /// How often its `start`, or its function, has been called.
    pub(crate) attempt: u32,
    /// The call of the present phase.
    pub(crate) call: Option<Call>,
    /// When the time of the present phase is over.
    pub(crate) abort_at: Option<Instant>,
    pub(crate) scope: Option<Arc<Scope>>,
    pub(crate) stop_requested: bool,
    /// The index of its emergency hook.
    pub(crate) slot: Option<usize>,
    pub(crate) restart_history: RestartHistory,
    /// Its leases when its stop began, written by the call of its stop; `None` where they are not counted.
    pub(crate) leases_before_stop: Option<Arc<AtomicUsize>>,
    /// The component that came up last before its start began.
    pub(crate) start_after: Option<Id>,
    /// The resource that ended last before its turn to stop came.
    pub(crate) stop_after: Option<Id>,
    pub(crate) track: Track,
    pub(crate) outcome: ComponentOutcome,
}

impl ComponentState {
    pub(crate) fn new(component: &Component, now: Instant) -> Self {
        Self {
            phase: Phase::Waiting,
            turn: 0,
            since: now,
            attempt: 0,
            call: None,
            abort_at: None,
            scope: None,
            stop_requested: false,
            slot: None,
            restart_history: RestartHistory::default(),
            leases_before_stop: None,
            start_after: None,
            stop_after: None,
            track: Track::new(Activity::Waiting, now),
            outcome: ComponentOutcome::new(
                Arc::clone(&component.name),
                matches!(component.kind, Kind::Worker { .. }),
            ),
        }
    }

    /// Begins another turn: inputs and timers of the one before are stale.
    pub(crate) fn next_turn(&mut self, phase: Phase) -> Turn {
        self.phase = phase;
        self.abort_at = None;
        self.turn += 1;
        self.keep_track();
        self.turn
    }

    /// Writes down what it is at, as far as that has changed.
    pub(crate) fn keep_track(&mut self) {
        let now = Instant::now();
        match self.activity() {
            Some(activity) => self.track.enter(activity, now),
            None => self.track.end(now),
        }
    }

    /// What a timeline shows; nothing when it has ended.
    fn activity(&self) -> Option<Activity> {
        let activity = match self.phase {
            Phase::Ended | Phase::Abandoned => return None,
            Phase::Waiting => Activity::Waiting,
            Phase::Starting => Activity::Starting(self.attempt),
            Phase::Up => Activity::Running,
            Phase::Running { .. } | Phase::EndingTasks { .. } if self.stop_requested => {
                Activity::Draining
            }
            // Restarts, and the time between periodic runs, included.
            Phase::Running { .. } | Phase::EndingTasks { .. } | Phase::Scheduled
                if self.has_been_up() =>
            {
                Activity::Running
            }
            Phase::Running { .. } | Phase::EndingTasks { .. } => Activity::Starting(self.attempt),
            Phase::Scheduled => Activity::Backoff,
            Phase::Stopping | Phase::StoppingTasks { .. } => Activity::Stopping,
            Phase::InEmergency { .. } => Activity::WaitingForEmergency,
            Phase::Dropping { .. } => Activity::Dropping,
        };
        Some(activity)
    }

    pub(crate) fn has_been_up(&self) -> bool {
        self.outcome.started.is_some()
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up | Phase::Running { .. })
    }

    pub(crate) fn is_starting(&self) -> bool {
        matches!(self.phase, Phase::Starting)
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Whether nothing of it runs that has to be waited for.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Ended | Phase::Waiting | Phase::Scheduled)
    }

    /// Whether its tasks have been cancelled. An emergency hook has its share, and no more.
    pub(crate) fn is_aborted(&self) -> bool {
        match self.phase {
            Phase::Running { aborted }
            | Phase::EndingTasks { aborted, .. }
            | Phase::StoppingTasks { aborted, .. }
            | Phase::Dropping { aborted } => aborted,
            Phase::InEmergency { .. } => true,
            _ => false,
        }
    }

    pub(crate) fn call_is_thread(&self) -> bool {
        self.call.as_ref().is_some_and(Call::is_thread)
    }

    /// Ends the wait for its call: a future is dropped, a thread is abandoned.
    pub(crate) fn abort_call(&mut self) {
        if let Some(call) = self.call.take() {
            call.abort();
        }
    }

    /// Cancels the tasks of its scope, which did not end in their time.
    pub(crate) fn cancel_tasks(&mut self) {
        if let Phase::Running { aborted } | Phase::EndingTasks { aborted, .. } = &mut self.phase {
            *aborted = true;
        }
        if let Some(scope) = &self.scope {
            self.outcome.cancel_tasks(scope);
        }
    }

    pub(crate) fn has_tasks(&self) -> bool {
        let has_tasks = |scope: &Arc<Scope>| !scope.tasks.names().is_empty();
        self.scope.as_ref().is_some_and(has_tasks)
    }

    /// Something of it did not end gracefully: `error` says what, and `layer` how far its cleanup had to go at least.
    pub(crate) fn unclean(&mut self, layer: CleanupLayer, error: impl Into<Option<String>>) {
        self.outcome.errors.extend(error.into());
        self.outcome.layer = self.outcome.layer.max(layer);
        self.outcome.unclean = true;
    }

    /// The end of its function, where that was kept until its tasks have ended.
    pub(crate) fn take_run_end(&mut self) -> Option<RunEnd> {
        match &mut self.phase {
            Phase::EndingTasks { end, .. } => end.take(),
            _ => None,
        }
    }

    /// How many leases were out when its stop began.
    pub(crate) fn leases_before_stop(&self) -> usize {
        let before = self.leases_before_stop.as_ref();
        before.map_or(0, |before| before.load(Ordering::Relaxed))
    }
}

impl ComponentOutcome {
    /// Cancels the tasks that still run in the scope: work that has to be aborted.
    pub(crate) fn cancel_tasks(&mut self, scope: &Scope) {
        let names = scope.tasks.names();
        if scope.tasks.cancel() > 0 {
            self.errors
                .push(format!("its tasks were cancelled: {}", names.join(", ")));
            self.unclean = true;
            self.layer = self.layer.max(CleanupLayer::Timeout);
        }
    }
}
