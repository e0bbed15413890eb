//! The state of one component in the driver.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Starting,
    /// A resource that is up; a worker whose function runs.
    Up,
    /// A start that failed, or a worker that ended, is tried again at a timer.
    Scheduled,
    /// A worker whose function has ended, but not all of its tasks.
    EndingTasks,
    Stopping,
    StopTasks,
    InEmergency,
    Dropping,
    Ended,
    /// Left behind when the time was over.
    Left,
}

pub(crate) struct Member {
    pub(crate) phase: Phase,
    pub(crate) turn: Turn,
    /// When the present phase, or its first attempt, began.
    pub(crate) since: Instant,
    pub(crate) attempt: u32,
    pub(crate) call: Option<Call>,
    /// When the present call is cut.
    pub(crate) cut_at: Option<Instant>,
    pub(crate) scope: Option<Arc<Scope>>,

    /// For a worker: whether it has been up.
    pub(crate) was_up: bool,
    pub(crate) told: bool,
    /// Its place among the emergency hooks.
    pub(crate) slot: Option<usize>,
    pub(crate) restart_history: RestartHistory,
    /// The end of a worker's run, kept while its tasks end.
    pub(crate) ended: Option<Result<(), HookError>>,
    /// That end came before it was told to stop.
    pub(crate) ended_untold: bool,
    /// Its tasks have been cancelled; they have a moment to be dropped.
    pub(crate) cancelled: bool,
    /// A reload under way.
    pub(crate) reload: Option<Call>,
    pub(crate) clean: bool,
    /// Its leases when its stop began, written by the call of its stop.
    pub(crate) in_use_before: Arc<AtomicUsize>,
    pub(crate) emergency_since: Option<(Instant, Hold)>,
    /// Who came up last before its start began.
    pub(crate) start_after: Option<Id>,
    /// Who ended last before its turn to stop came.
    pub(crate) stop_after: Option<Id>,
    pub(crate) track: Track,
    pub(crate) outcome: ComponentOutcome,
}

impl Member {
    pub(crate) fn new(component: &Component, now: Instant) -> Self {
        Self {
            phase: Phase::Waiting,
            turn: 0,
            since: now,
            attempt: 0,
            call: None,
            cut_at: None,
            scope: None,

            was_up: false,
            told: false,
            slot: None,
            restart_history: RestartHistory::default(),
            ended: None,
            ended_untold: false,
            cancelled: false,
            reload: None,
            clean: true,
            in_use_before: Arc::default(),
            emergency_since: None,
            start_after: None,
            stop_after: None,
            track: Track::new(Activity::Waiting, now),
            outcome: ComponentOutcome::new(
                Arc::clone(&component.name),
                matches!(component.kind, Kind::Worker { .. }),
            ),
        }
    }

    /// Begins another turn: what belongs to the one before is stale.
    pub(crate) fn next_turn(&mut self, phase: Phase) -> Turn {
        self.phase = phase;
        self.cut_at = None;
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
            Phase::Ended | Phase::Left => return None,
            Phase::Waiting => Activity::Waiting,
            Phase::Up | Phase::EndingTasks if self.told => Activity::Draining,
            Phase::Up | Phase::Scheduled | Phase::EndingTasks if self.was_up => Activity::Running,
            Phase::Up if !self.outcome.worker => Activity::Running,
            Phase::Starting | Phase::Up | Phase::EndingTasks => Activity::Starting(self.attempt),
            Phase::Scheduled => Activity::Backoff,
            Phase::Stopping | Phase::StopTasks => Activity::Stopping,
            Phase::InEmergency => Activity::WaitingForEmergency,
            Phase::Dropping => Activity::Dropping,
        };
        Some(activity)
    }

    pub(crate) fn cut_call(&mut self) {
        if let Some(call) = self.call.take() {
            call.cut();
        }
    }
}

impl ComponentOutcome {
    /// Cancels the tasks that are left in the scope: work that was cut.
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
