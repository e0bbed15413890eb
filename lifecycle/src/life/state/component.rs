//! The state of one component in the driver.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::time::Instant;

use super::call::Call;
use super::hook_error::HookError;
use super::input::Turn;
use super::outcome::ComponentOutcome;
use crate::api::cleanup_layer::CleanupLayer;
use crate::life::hook_threads::Hold;
use crate::life::restart::RestartHistory;
use crate::life::track::{Activity, Track};
use crate::plan::component::{Component, Id, Kind};
use crate::scope::Scope;

/// Where a component is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
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

pub(super) struct Member {
    pub(super) phase: Phase,
    pub(super) turn: Turn,
    /// When the present phase, or its first attempt, began.
    pub(super) since: Instant,
    pub(super) attempt: u32,
    pub(super) call: Option<Call>,
    /// When the present call is cut.
    pub(super) cut_at: Option<Instant>,
    pub(super) scope: Option<Arc<Scope>>,

    /// For a worker: whether it has been up.
    pub(super) was_up: bool,
    pub(super) told: bool,
    /// Its place among the emergency hooks.
    pub(super) slot: Option<usize>,
    pub(super) restart_history: RestartHistory,
    /// The end of a worker's run, kept while its tasks end.
    pub(super) ended: Option<Result<(), HookError>>,
    /// That end came before it was told to stop.
    pub(super) ended_untold: bool,
    /// Its tasks have been cancelled; they have a moment to be dropped.
    pub(super) cancelled: bool,
    /// A reload under way.
    pub(super) reload: Option<Call>,
    pub(super) clean: bool,
    /// Its leases when its stop began, written by the call of its stop.
    pub(super) in_use_before: Arc<AtomicUsize>,
    pub(super) emergency_since: Option<(Instant, Hold)>,
    /// Who came up last before its start began.
    pub(super) start_after: Option<Id>,
    /// Who ended last before its turn to stop came.
    pub(super) stop_after: Option<Id>,
    pub(super) track: Track,
    pub(super) outcome: ComponentOutcome,
}

impl Member {
    pub(super) fn new(component: &Component, now: Instant) -> Self {
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
    pub(super) fn next_turn(&mut self, phase: Phase) -> Turn {
        self.phase = phase;
        self.cut_at = None;
        self.turn += 1;
        self.keep_track();
        self.turn
    }

    /// Writes down what it is at, as far as that has changed.
    pub(super) fn keep_track(&mut self) {
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

    pub(super) fn cut_call(&mut self) {
        if let Some(call) = self.call.take() {
            call.cut();
        }
    }
}

impl ComponentOutcome {
    /// Cancels the tasks that are left in the scope: work that was cut.
    pub(super) fn cancel_tasks(&mut self, scope: &Scope) {
        let names = scope.tasks.names();
        if scope.tasks.cancel() > 0 {
            self.errors
                .push(format!("its tasks were cancelled: {}", names.join(", ")));
            self.unclean = true;
            self.layer = self.layer.max(CleanupLayer::Timeout);
        }
    }
}
