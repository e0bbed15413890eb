//! Teardown: not ready, drain, stop, report.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::call::Call;
use super::input::Input;
use super::outcome::ComponentOutcome;
use super::driver::{GRACE, Life};
use super::timers::Timer;
use crate::api::cleanup_layer::CleanupLayer;
use crate::api::event::{EventKind, PendingWork};
use crate::base::duration::show;
use crate::life::state::component::Phase;
use crate::life::track::{Activity, Mark};
use crate::plan::Plan;
use crate::plan::component::Id;
use crate::plan::drill::Stage;
use crate::scope::Scope;
use crate::scope::reason::Reason;

/// How often whoever watches the drain is told what is still in flight.
const COUNT: Duration = Duration::from_secs(1);

impl Life {
    /// Takes down whatever is up, within the deadline.
    pub(super) async fn tear_down(&mut self) {
        self.cut_reload();
        self.lame_duck().await;
        if !self.is_over() {
            self.drain().await;
        }
        if !self.is_over() {
            self.stop_all().await;
        }
        // Where all have ended there is nothing left to do, unless somebody has begun it: no hook is left in the middle.
        if self.is_over() && (self.is_forced() || !self.has_ended()) {
            self.emergency_layer().await;
        }
    }

    /// Goes on serving as not ready, unless nobody was ever sent here or somebody waits at a terminal.
    async fn lame_duck(&mut self) {
        let time = self.plan.limits.lame_duck.min(self.left());
        let interrupted = self
            .cause
            .as_ref()
            .is_some_and(|cause| cause.reason == Reason::Signal(2));
        if !self.ran || interrupted || time == Duration::ZERO {
            return;
        }
        self.mark(Mark::LameDuck);
        self.app.lame_duck.send_replace(true);
        self.emit(EventKind::LameDuck { time });
        let until = Instant::now() + time;
        self.timers.set(until, Timer::Wake);
        while Instant::now() < until && !self.is_over() {
            self.step().await;
        }
    }

    /// Admits nothing more, and lets what is under way end.
    async fn drain(&mut self) {
        self.draining = true;
        self.mark(Mark::Drain);
        let plan = Arc::clone(&self.plan);
        plan.drill.enter(Stage::Draining);
        let time = plan.limits.drain.min(self.left());
        let end = Instant::now() + time;
        self.app.admission.close();
        let left = self.left_to_drain();
        self.emit(EventKind::Draining {
            pending: left.clone(),
            time_limit: time,
        });
        self.timers.set(end, Timer::Drain);
        self.count_again(left);
        self.settle_starts(end);

        let sequence = DrainSequence::new(&plan);
        for (step, group) in sequence.groups.iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            // Where the timeouts of others fill the drain: what it takes to hear of it and to return.
            let share = sequence.share(step, left).max(GRACE.min(self.left()));
            self.group_left = group
                .iter()
                .filter(|id| self.members[**id].phase != Phase::Ended)
                .count();
            if step == 0 {
                // The body is told together with the unordered workers.
                let until = Instant::now() + share;
                self.body_told_at = Some(Instant::now());
                if let Some(track) = &mut self.body_track {
                    track.enter(Activity::Draining, Instant::now());
                }
                // What is left of the drain is its own, or promised to others: there is no slack.
                self.app_scope.request_stop(until, until);
                self.timers.set(until, Timer::Wake);
                self.body_cut_at = Some(until);
            }
            for &id in group {
                if self.members[id].phase != Phase::Ended {
                    let timeout = plan.components[id].timeout;
                    let allowed = timeout.unwrap_or(share).min(self.left());
                    let slack = if sequence.is_last(step) {
                        left
                    } else {
                        allowed
                    };
                    self.tell_worker(id, allowed, slack);
                }
            }
            loop {
                self.cut_body_when_due();
                let waits = self.group_left > 0 || (step == 0 && self.body_running);
                if !waits || self.is_over() {
                    break;
                }
                self.step().await;
            }
        }
        self.starting = self.count(Phase::Starting);
        while !self.drain_over && !self.is_over() && self.work_is_left() {
            self.step().await;
        }
        self.cut_work().await;
        while plan.drill.holds(Stage::Draining) && !self.is_over() {
            self.step().await;
        }
    }

    fn left_to_drain(&self) -> PendingWork {
        let workers = &self.members[self.plan.resources..];
        let scopes = workers.iter().filter_map(|worker| worker.scope.as_ref());
        let scopes = scopes.chain([&self.app_scope]);
        let in_flight = self.app.admission.in_flight();
        let by_name = (in_flight > 0).then(|| self.app.admission.by_name());
        PendingWork {
            in_flight,
            by_scope: by_name.unwrap_or_default(),
            tasks: scopes.map(|scope| scope.tasks.len()).sum(),
            main: self.body_running,
        }
    }

    /// Tells what the drain still waits for, where that has changed.
    pub(super) fn tell_what_is_left(&mut self) {
        let left = self.left_to_drain();
        if left != self.drain_left {
            self.emit(EventKind::StillDraining {
                pending: left.clone(),
            });
        }
        self.count_again(left);
    }

    fn count_again(&mut self, left: PendingWork) {
        if left != PendingWork::default() {
            self.timers.set(Instant::now() + COUNT, Timer::PendingWork);
        }
        self.drain_left = left;
    }

    fn count(&self, phase: Phase) -> usize {
        self.members
            .iter()
            .filter(|member| member.phase == phase)
            .count()
    }

    /// Whether there is something to wait for; its end will be an event.
    fn work_is_left(&self) -> bool {
        self.tasks_run(&[]) || self.starting > 0 || self.app.admission.in_flight() > 0
    }

    /// Starts that are under way when the app is told to stop: one that took a `Shutdown` is told, a thread cannot be
    /// interrupted and is waited for, any other future is dropped.
    fn settle_starts(&mut self, end: Instant) {
        let plan = Arc::clone(&self.plan);
        for id in 0..plan.resources {
            match self.members[id].phase {
                Phase::Starting if plan.components[id].takes_shutdown => {
                    self.scope(id).request_stop(end, end);
                    self.cut_at(id, end);
                }
                Phase::Starting if self.members[id].call.as_ref().is_some_and(Call::is_thread) => {
                    self.cut_at(id, end)
                }
                Phase::Starting => {
                    // The event that it was dropped, or was faster, still comes.
                    if let Some(call) = &self.members[id].call {
                        call.cut();
                    }
                }
                Phase::Scheduled => {
                    self.members[id].next_turn(Phase::Ended);
                }
                _ => {}
            }
        }
    }

    /// Ends what the drain did not see the end of.
    async fn cut_work(&mut self) {
        self.hear_what_has_come();
        self.cut_work = self.app.admission.by_name();
        for id in 0..self.plan.resources {
            let member = &mut self.members[id];
            if member.phase == Phase::Starting {
                let thread = member.call.as_ref().is_some_and(Call::is_thread);
                member.cut_call();
                let what = if thread {
                    "its start was abandoned on its thread"
                } else {
                    "its start was cut"
                };
                member.outcome.errors.push(what.to_owned());
                member.outcome.unclean = true;
                member.next_turn(Phase::Ended);
                if let Some(scope) = member.scope.take() {
                    scope.tasks.cancel();
                }
            }
        }
        self.cancel_app_tasks();
        let until = Instant::now() + GRACE;
        self.timers.set(until, Timer::Wake);
        while self.tasks_run(&[]) && Instant::now() < until && !self.is_over() {
            self.step().await;
        }
        self.conclude_app_tasks();
    }

    /// Main's own tasks are told to drop.
    pub(super) fn cancel_app_tasks(&mut self) {
        let scope = Arc::clone(&self.app_scope);
        if !scope.tasks.names().is_empty() {
            self.body_outcome().cancel_tasks(&scope);
        }
        scope.tasks.close();
    }

    /// Whether tasks of these, or main's own, still run; their end will be an event.
    pub(super) fn tasks_run(&self, ids: &[Id]) -> bool {
        let of = |id: &Id| self.members[*id].scope.as_ref();
        let scopes = ids.iter().filter_map(of).chain([&self.app_scope]);
        let run = |scope: &Arc<Scope>| {
            let sender = self.sender.clone();
            !scope
                .tasks
                .idle_or(move || drop(sender.send(Input::TasksGone)))
        };
        // Each of them is to tell.
        scopes.filter(|scope| run(scope)).count() > 0
    }

    /// Writes down which of them did not end even so.
    pub(super) fn conclude_app_tasks(&mut self) {
        let left = self.app_scope.tasks.names();
        if !left.is_empty() {
            let outcome = self.body_outcome();
            outcome.unclean = true;
            outcome.layer = CleanupLayer::Timeout;
            outcome.unfinished_tasks = left;
        } else if let Some(outcome) = &mut self.body {
            outcome.unfinished_tasks = left;
        }
    }

    /// Cuts main's body at its time, and gives it the moment that it takes to be dropped.
    fn cut_body_when_due(&mut self) {
        let Some(at) = self.body_cut_at.filter(|_| self.body_running) else {
            return;
        };
        if at > Instant::now() {
            return;
        }
        if self.wiring.body.is_none() {
            // Cut before: it is not dropped even now.
            self.body_is_over();
            return;
        }
        self.cut_body();
        let until = Instant::now() + GRACE;
        self.body_cut_at = Some(until);
        self.timers.set(until, Timer::Wake);
    }

    pub(super) fn cut_body(&mut self) {
        let waited = self
            .body_told_at
            .map_or(Duration::ZERO, |told| told.elapsed());
        if self.wiring.body.take().is_none() {
            return;
        }
        let forced = self.forced.is_some();
        let outcome = self.body_outcome();
        outcome.layer = CleanupLayer::Timeout;
        outcome.unclean = true;
        outcome.stopped = Some(waited);
        outcome.errors.push(if forced {
            "was cut".to_owned()
        } else {
            format!("did not end within {}", show(waited))
        });
        let outcome = outcome.clone();
        self.emit(outcome.stopped_event());
    }

    /// The line of main's body in the report; it has one only when there is something to say.
    pub(super) fn body_outcome(&mut self) -> &mut ComponentOutcome {
        self.body.get_or_insert_with(ComponentOutcome::of_body)
    }

    /// A worker has ended, as far as the teardown is concerned.
    pub(super) fn worker_over(&mut self, id: Id) {
        let member = &mut self.members[id];
        let called = member.was_up;
        member.next_turn(Phase::Ended);
        self.group_left = self.group_left.saturating_sub(1);
        self.ends.push(id);
        if called {
            let took = self.members[id].since.elapsed();
            self.members[id].outcome.stopped = Some(took);
            self.emit_stopped(id);
        }
    }

    pub(super) fn emit_stopped(&mut self, id: Id) {
        let outcome = self.members[id].outcome.clone();
        self.emit(outcome.stopped_event());
    }
}

/// The workers in the order in which they are told: those without an order first, then the highest order.
struct DrainSequence {
    groups: Vec<Vec<Id>>,
    /// For each group: its fixed time, or none where one of it has no timeout.
    times: Vec<Option<Duration>>,
}

impl DrainSequence {
    fn new(plan: &Plan) -> Self {
        let mut groups: Vec<Vec<Id>> = plan.groups.iter().rev().cloned().collect();
        let unordered =
            |group: &Vec<Id>| group.iter().all(|id| plan.components[*id].order.is_none());
        if !groups.first().is_some_and(unordered) {
            // Main's body goes first in any case.
            groups.insert(0, Vec::new());
        }
        let time = |group: &Vec<Id>| {
            group
                .iter()
                .map(|id| plan.components[*id].timeout)
                .try_fold(Duration::ZERO, |most, time| Some(most.max(time?)))
        };
        let times = groups.iter().map(time).collect();
        Self { groups, times }
    }

    /// The time of those without a timeout in that step, of what the drain has left.
    fn share(&self, step: usize, left: Duration) -> Duration {
        let after = &self.times[step + 1..];
        let fixed: Duration = after.iter().flatten().sum();
        let shares = u32::try_from(after.iter().filter(|time| time.is_none()).count())
            .unwrap_or(u32::MAX - 1);
        left.saturating_sub(fixed) / (1 + shares)
    }

    fn is_last(&self, step: usize) -> bool {
        step + 1 == self.groups.len()
    }
}
