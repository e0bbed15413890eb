//! The emergency layer: the time is over, or a second signal came.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::driver::{GRACE, Life};
use super::timers::Timer;
use crate::api::cleanup_layer::CleanupLayer;
use crate::api::event::EventKind;
use crate::api::record::HookKind;
use crate::life::emergency::EmergencyWindow;
use crate::life::state::component::{ComponentState, Phase};
use crate::life::track::Mark;
use crate::plan::component::{Id, Kind};

impl Life {
    /// Aborts everything, while the emergency hooks of all that are up run in stop order, on their own threads.
    pub(super) async fn emergency_layer(&mut self) {
        // What has ended in its time is not abandoned.
        self.take_pending_inputs();
        // The input of the signal may still be on its way.
        if let Some(signal) = self.emergency.hooks.forced()
            && self.shutdown.forced().is_none()
        {
            self.shutdown.force(signal);
            self.history.mark(Mark::Forced);
        }
        self.history.mark(Mark::Emergency);
        self.emit(EventKind::Forced {
            signal: self.shutdown.forced(),
            exited: self.shutdown.has_exited(),
        });
        let deadline = self.shutdown.deadline().unwrap_or_else(Instant::now);
        let now = Instant::now();
        // What the hooks do on their threads takes none of a paused clock's time.
        let _hold = self.threads.hold();
        let until = self.begin_hooks(now, deadline);
        self.request_stop_of_all(until);
        if self.drain.aborted_work.is_empty() {
            self.drain.aborted_work = self.app.admission.by_name();
        }
        if self.body.is_running() {
            self.abort_body();
        }
        self.cancel_app_tasks();
        let abandoned = self.abandon_all();
        self.timers.set(until, Timer::EmergencyOver);
        let counted = now + GRACE;
        self.timers.set(counted, Timer::Wake);
        // Aborted tasks, and the counts of leases, have a moment, also where no hook is waited for.
        let waits = |life: &Self| {
            Instant::now() < counted && (life.emergency.counting > 0 || life.tasks_run(&abandoned))
        };
        while !self.emergency.over && (!self.emergency.hooks.is_over() || waits(self)) {
            self.step().await;
        }
        // The conductor's last share ends as the time does: it may be a moment behind.
        self.emergency.give_up_all();
        self.take_emergency_ends();
        // Emptied here: an instance among the inputs must not be dropped with the driver.
        self.take_pending_inputs();
        self.body.conclude_tasks(&self.app_scope.tasks);
        for id in abandoned {
            self.conclude(id);
        }
        self.plan.drill.third_signal().await;
    }

    /// Begins the emergency hooks, unless the watchdog has. Returns until when they have time.
    fn begin_hooks(&mut self, now: Instant, deadline: Instant) -> Instant {
        let window = EmergencyWindow::new(self.plan.limits.emergency);
        let time = window.for_hooks(deadline.saturating_duration_since(now));
        self.emergency.hooks.begin(std::time::Instant::now() + time);
        // The watchdog may have begun them with more: a process that was stopped has its reserve from then on.
        now + time.max(self.emergency.hooks.remaining())
    }

    /// Nothing is admitted any more, and no scope has more time than the hooks.
    fn request_stop_of_all(&mut self, until: Instant) {
        self.app.admission.close();
        self.app_scope.request_stop(until, until);
        let components = self.components.iter();
        let scopes = components.filter_map(|component| component.scope.as_ref());
        scopes.for_each(|scope| scope.request_stop(until, until));
    }

    /// Abandons workers, then resources in stop order: what is still up, or about to be. Returns what that was.
    fn abandon_all(&mut self) -> Vec<Id> {
        let plan = Arc::clone(&self.plan);
        let abandoned: Vec<Id> = (plan.resources..self.components.len())
            .chain(plan.graph.start_order().iter().rev().copied())
            .filter(|id| self.abandon(*id))
            .collect();
        // Only when all are written down: an aborted call may be dropped at once, on another thread.
        for id in &abandoned {
            let component = &mut self.components[*id];
            component.abort_call();
            if let Some(scope) = &component.scope {
                scope.tasks.cancel();
            }
            self.count_leaks(*id);
        }
        abandoned
    }

    /// Whether nothing remains to be waited for.
    pub(super) fn everything_has_ended(&self) -> bool {
        !self.body.is_running()
            && self.app_scope.tasks.names().is_empty()
            && self.components.iter().all(ComponentState::is_idle)
    }

    /// Writes down how far a component had come when the time was over. Whatever of it still ends is stale from here on:
    /// nothing is begun any more. Returns whether it was up, or about to be.
    fn abandon(&mut self, id: Id) -> bool {
        let plan = Arc::clone(&self.plan);
        let planned = &plan.components[id];
        // A worker whose function had failed, and whose tasks were still awaited, has failed all the same.
        if let Kind::Worker { policy, .. } = &planned.kind
            && let Some(end) = self.components[id].take_run_end()
            && let Err(error) = end.result
        {
            self.failed_while_stopping(id, policy, &error, end.by_itself);
        }
        let has_hooks = planned.has(HookKind::Stop) || planned.has(HookKind::Emergency);
        let forced = self.shutdown.is_forced();
        let component = &mut self.components[id];
        let error = match component.phase {
            Phase::Ended | Phase::Waiting | Phase::Scheduled => {
                component.next_turn(Phase::Ended);
                return false;
            }
            Phase::Starting => Some("its start was cancelled"),
            Phase::Running { aborted: false } => Some("was cancelled"),
            // That it did not end in time is written down already.
            Phase::Running { aborted: true } => None,
            Phase::Up if has_hooks && forced => Some("its stop was skipped: forced"),
            Phase::Up if has_hooks => Some("there was no time to stop it"),
            Phase::Up if component.has_tasks() => Some("its tasks were cancelled"),
            // There is nothing to do for it.
            Phase::Up => {
                component.outcome.stopped = Some(Duration::ZERO);
                component.next_turn(Phase::Ended);
                self.stops.ends.push(id);
                self.count_leaks(id);
                return false;
            }
            Phase::EndingTasks { .. } | Phase::StoppingTasks { .. } => {
                Some("its tasks were cancelled")
            }
            Phase::Stopping => Some("its stop was cancelled"),
            Phase::InEmergency { .. } => None,
            Phase::Dropping { .. } => Some("its destructor did not end"),
            Phase::Abandoned => return false,
        };
        let outcome = &mut component.outcome;
        outcome.errors.extend(error.map(ToOwned::to_owned));
        outcome.unclean = true;
        if !component.is_starting() {
            let took = if component.stop_requested {
                component.since.elapsed()
            } else {
                Duration::ZERO
            };
            component.outcome.stopped = Some(took);
        }
        component.next_turn(Phase::Abandoned);
        true
    }

    /// Writes down how an abandoned component ended after all.
    fn conclude(&mut self, id: Id) {
        let component = &mut self.components[id];
        let slot = component.slot;
        let layer = if slot.is_some_and(|slot| self.emergency.hooks.was_due(slot)) {
            CleanupLayer::Emergency
        } else {
            CleanupLayer::Timeout
        };
        component.outcome.layer = component.outcome.layer.max(layer);
        if let Some(scope) = &component.scope {
            component.outcome.unfinished_tasks = scope.tasks.names();
        }
        self.stops.ends.push(id);
        if component.outcome.stopped.is_some() {
            self.emit_stopped(id);
        }
    }
}
