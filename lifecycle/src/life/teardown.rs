//! Teardown: not ready, drain, stop, report.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::drain_sequence::DrainSequence;
use super::driver::{GRACE, Life};
use super::input::Input;
use super::timers::Timer;
use crate::api::event::{EventKind, PendingWork};
use crate::life::state::body::BodyDue;
use crate::life::state::component::Phase;
use crate::life::track::Mark;
use crate::plan::component::Id;
use crate::plan::drill::Stage;
use crate::scope::Scope;
use crate::scope::reason::Reason;

/// How often the pending work of the drain is reported while it changes.
const REPORT_EVERY: Duration = Duration::from_secs(1);

impl Life {
    /// Takes down whatever is up, within the deadline.
    pub(super) async fn tear_down(&mut self) {
        self.reload.abort();
        self.lame_duck().await;
        if !self.is_out_of_time() {
            self.run_drain().await;
        }
        if !self.is_out_of_time() {
            self.stop_all().await;
        }
        // Where everything has ended, the emergency layer has nothing to do. Not so where it was begun by a signal or the
        // watchdog: a hook that runs is waited for.
        if self.is_out_of_time() && (self.emergency_has_begun() || !self.everything_has_ended()) {
            self.emergency_layer().await;
        }
    }

    /// Goes on serving as not ready, unless the app never was ready, or was interrupted at a terminal.
    async fn lame_duck(&mut self) {
        let time = self.plan.limits.lame_duck.min(self.remaining());
        let interrupted = self
            .shutdown
            .cause()
            .is_some_and(|cause| cause.reason == Reason::Signal(2));
        if !self.history.has_come_up() || interrupted || time == Duration::ZERO {
            return;
        }
        self.history.mark(Mark::LameDuck);
        self.app.begin_lame_duck();
        self.emit(EventKind::LameDuck { time });
        let until = Instant::now() + time;
        self.timers.set(until, Timer::Wake);
        while Instant::now() < until && !self.is_out_of_time() {
            self.step().await;
        }
    }

    /// Closes admission, and waits for the work that is under way.
    async fn run_drain(&mut self) {
        self.drain.begun = true;
        self.history.mark(Mark::Drain);
        let plan = Arc::clone(&self.plan);
        plan.drill.enter(Stage::Draining);
        let time = plan.limits.drain.min(self.remaining());
        let end = Instant::now() + time;
        self.app.admission.close();
        // Counted after that: nothing is added any more.
        let pending = self.pending_work();
        self.emit(EventKind::Draining {
            pending: pending.clone(),
            time_limit: time,
        });
        self.timers.set(end, Timer::Drain);
        self.pending_work_reported(pending);
        self.stop_starts(end);

        let sequence = DrainSequence::new(&plan);
        for step in 0..sequence.groups.len() {
            self.begin_group(&sequence, step, end);
            loop {
                self.abort_body_when_due();
                let waits = self.drain.group_pending > 0 || (step == 0 && self.body.is_running());
                if !waits || self.is_out_of_time() {
                    break;
                }
                self.step().await;
            }
        }
        // Starts that have not ended meanwhile are waited for until the drain is over.
        let components = self.components.iter();
        self.starts.pending = components.filter(|state| state.is_starting()).count();
        while !self.drain.over && !self.is_out_of_time() && self.work_is_pending() {
            self.step().await;
        }
        self.abort_work().await;
        while plan.drill.holds(Stage::Draining) && !self.is_out_of_time() {
            self.step().await;
        }
    }

    /// Asks a group of workers to stop, and main's body together with the first one.
    fn begin_group(&mut self, sequence: &DrainSequence, step: usize, end: Instant) {
        let group = &sequence.groups[step];
        let remaining = end.saturating_duration_since(Instant::now());
        // Where the timeouts of others fill the drain, there still is what it takes to see the request and to return.
        let share = sequence
            .share(step, remaining)
            .max(GRACE.min(self.remaining()));
        self.drain.group_pending = group
            .iter()
            .filter(|id| !self.components[**id].has_ended())
            .count();
        if step == 0 {
            let until = Instant::now() + share;
            self.body.stop_requested(until);
            // What remains of the drain is its own, or promised to others: it cannot extend its time.
            self.app_scope.request_stop(until, until);
            self.timers.set(until, Timer::Wake);
        }
        for &id in group {
            if !self.components[id].has_ended() {
                let timeout = self.plan.components[id].timeout;
                let allowed = timeout.unwrap_or(share).min(self.remaining());
                // Only the last group can have what the others did not need.
                let slack = if sequence.is_last(step) {
                    remaining
                } else {
                    allowed
                };
                self.request_worker_stop(id, allowed, slack);
            }
        }
    }

    fn pending_work(&self) -> PendingWork {
        let workers = &self.components[self.plan.resources..];
        let scopes = workers.iter().filter_map(|worker| worker.scope.as_ref());
        let scopes = scopes.chain([&self.app_scope]);
        let in_flight = self.app.admission.in_flight();
        let by_name = (in_flight > 0).then(|| self.app.admission.by_name());
        PendingWork {
            in_flight,
            by_scope: by_name.unwrap_or_default(),
            tasks: scopes.map(|scope| scope.tasks.len()).sum(),
            main: self.body.is_running(),
        }
    }

    /// Reports what the drain still waits for, where that has changed.
    pub(super) fn report_pending_work(&mut self) {
        let pending = self.pending_work();
        if pending != self.drain.reported {
            self.emit(EventKind::StillDraining {
                pending: pending.clone(),
            });
        }
        self.pending_work_reported(pending);
    }

    fn pending_work_reported(&mut self, pending: PendingWork) {
        if pending != PendingWork::default() {
            self.timers
                .set(Instant::now() + REPORT_EVERY, Timer::PendingWork);
        }
        self.drain.reported = pending;
    }

    /// Whether there is something to wait for; its end will be an input.
    fn work_is_pending(&self) -> bool {
        self.tasks_run(&[]) || self.starts.pending > 0 || self.app.admission.in_flight() > 0
    }

    /// Starts that are under way when the app stops: one that took a `Shutdown` is asked to stop, a thread cannot be
    /// interrupted and is waited for, any other future is dropped.
    fn stop_starts(&mut self, end: Instant) {
        let plan = Arc::clone(&self.plan);
        for id in 0..plan.resources {
            match self.components[id].phase {
                Phase::Starting if plan.components[id].takes_shutdown => {
                    self.scope(id).request_stop(end, end);
                    self.set_abort_at(id, end);
                }
                Phase::Starting if self.components[id].call_is_thread() => {
                    self.set_abort_at(id, end)
                }
                Phase::Starting => {
                    // Its call is kept: the input that it was dropped, or was faster and has come up, still comes.
                    if let Some(call) = &self.components[id].call {
                        call.abort();
                    }
                }
                Phase::Scheduled => {
                    self.components[id].next_turn(Phase::Ended);
                }
                _ => {}
            }
        }
    }

    /// Aborts what did not end in the drain.
    async fn abort_work(&mut self) {
        // What has ended by now is not aborted.
        self.take_pending_inputs();
        self.drain.aborted_work = self.app.admission.by_name();
        for id in 0..self.plan.resources {
            self.abort_start(id);
        }
        self.cancel_app_tasks();
        let until = Instant::now() + GRACE;
        self.timers.set(until, Timer::Wake);
        while self.tasks_run(&[]) && Instant::now() < until && !self.is_out_of_time() {
            self.step().await;
        }
        self.body.conclude_tasks(&self.app_scope.tasks);
    }

    fn abort_start(&mut self, id: Id) {
        let component = &mut self.components[id];
        if !component.is_starting() {
            return;
        }
        let error = if component.call_is_thread() {
            "its start was abandoned on its thread"
        } else {
            "its start was cancelled"
        };
        component.abort_call();
        component.outcome.errors.push(error.to_owned());
        component.outcome.unclean = true;
        component.next_turn(Phase::Ended);
        if let Some(scope) = component.scope.take() {
            scope.tasks.cancel();
        }
    }

    /// Cancels main's own tasks.
    pub(super) fn cancel_app_tasks(&mut self) {
        if !self.app_scope.tasks.names().is_empty() {
            self.body.outcome().cancel_tasks(&self.app_scope);
        }
        self.app_scope.tasks.close();
    }

    /// Whether tasks of these, or main's own, still run; their end will be an input.
    pub(super) fn tasks_run(&self, ids: &[Id]) -> bool {
        let of = |id: &Id| self.components[*id].scope.as_ref();
        let scopes = ids.iter().filter_map(of).chain([&self.app_scope]);
        let run = |scope: &Arc<Scope>| {
            let sender = self.sender.clone();
            !scope
                .tasks
                .idle_or(move || drop(sender.send(Input::TasksGone)))
        };
        // All are asked, also after the first that has tasks: the input is to come from each of them.
        scopes.filter(|scope| run(scope)).count() > 0
    }

    /// Aborts main's body at its time, and gives it the moment that it takes to be dropped.
    fn abort_body_when_due(&mut self) {
        let now = Instant::now();
        match self.body.due(now) {
            BodyDue::Nothing => {}
            BodyDue::Abort => {
                self.abort_body();
                let until = now + GRACE;
                self.body.wait_for_drop(until);
                self.timers.set(until, Timer::Wake);
            }
            BodyDue::GiveUp => self.body.ended(),
        }
    }

    pub(super) fn abort_body(&mut self) {
        let forced = self.shutdown.is_forced();
        if let Some(outcome) = self.body.abort(forced) {
            self.emit(outcome.stopped_event());
        }
    }

    pub(super) fn emit_stopped(&mut self, id: Id) {
        let outcome = self.components[id].outcome.clone();
        self.emit(outcome.stopped_event());
    }
}
