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
use crate::life::state::component::{Member, Phase};
use crate::life::track::Mark;
use crate::plan::component::Id;
use crate::scope::Scope;

impl Life {
    /// The time is over, or a second signal came: everything else is told to drop, and the emergency hooks of all that
    /// are up run in stop order, on their own threads.
    pub(super) async fn emergency_layer(&mut self) {
        // Who has ended in its time is not left behind.
        self.hear_what_has_come();
        // The signal's event may still be on its way.
        if let (None, Some(signal)) = (self.forced, self.emergency.forced()) {
            self.forced = Some(signal);
            self.mark(Mark::Forced);
        }
        let limits = self.plan.limits;
        self.mark(Mark::Emergency);
        self.emit(EventKind::Forced {
            signal: self.forced,
        });
        let deadline = self
            .cause
            .as_ref()
            .map_or_else(Instant::now, |cause| cause.deadline);
        let now = Instant::now();
        let window = EmergencyWindow::new(limits.emergency);
        let _hold = self.threads.hold();
        let left = window.for_hooks(deadline.saturating_duration_since(now));
        self.emergency.begin(std::time::Instant::now() + left);
        // The watchdog may have begun them, and with more time: a process that was stopped has its reserve from then on.
        let left = left.max(self.emergency.remaining());
        self.app.admission.close();
        let told = now + left;
        self.app_scope.request_stop(told, told);
        let scopes = self
            .members
            .iter()
            .filter_map(|member| member.scope.as_ref());
        scopes.for_each(|scope| scope.request_stop(told, told));
        if self.cut_work.is_empty() {
            self.cut_work = self.app.admission.by_name();
        }
        if self.body_running {
            self.cut_body();
        }
        self.cancel_app_tasks();
        // Workers, then resources in stop order.
        let plan = Arc::clone(&self.plan);
        let left_behind: Vec<Id> = (plan.resources..self.members.len())
            .chain(plan.graph.start_order().iter().rev().copied())
            .filter(|id| self.leave(*id))
            .collect();
        for id in &left_behind {
            let member = &mut self.members[*id];
            member.cut_call();
            if let Some(scope) = &member.scope {
                scope.tasks.cancel();
            }
            self.count_leaks(*id);
        }
        self.timers.set(told, Timer::EmergencyOver);
        let counted = now + GRACE;
        self.timers.set(counted, Timer::Wake);
        let waits = |life: &Self| {
            Instant::now() < counted && (life.counting > 0 || life.tasks_run(&left_behind))
        };
        while !self.emergency_over && (!self.emergency.is_over() || waits(self)) {
            self.step().await;
        }
        // The conductor's last share ends as the time does: it may be a moment behind.
        for slot in 0..self.slots.len() {
            self.emergency.give_up(slot);
        }
        self.hear_emergency_ends();
        // An instance among it must not be dropped here.
        self.hear_what_has_come();
        self.conclude_app_tasks();
        for id in left_behind {
            self.conclude(id);
        }
        plan.drill.third_signal().await;
    }

    /// Whether nothing is left to be waited for.
    pub(super) fn has_ended(&self) -> bool {
        let ended = |member: &Member| {
            matches!(
                member.phase,
                Phase::Ended | Phase::Waiting | Phase::Scheduled
            )
        };
        !self.body_running
            && self.app_scope.tasks.names().is_empty()
            && self.members.iter().all(ended)
    }

    /// Takes the events that have come by now, and waits for none.
    pub(super) fn hear_what_has_come(&mut self) {
        for _ in 0..self.events.len() {
            if let Ok(event) = self.events.try_recv() {
                self.on_input(event);
            }
        }
    }

    /// Writes down how far a component had come when the time was over. Whatever of it still ends is stale from here on:
    /// nothing is begun any more. Returns whether it was up, or about to be.
    fn leave(&mut self, id: Id) -> bool {
        let component = &self.plan.components[id];
        let worker = component.is_worker();
        let stops = component.has(HookKind::Stop) || component.has(HookKind::Emergency);
        // A worker whose function had failed, and whose tasks were still awaited, has failed all the same.
        let member = &mut self.members[id];
        if let Some(Err(error)) = member.ended.take() {
            let by_itself = member.ended_untold;
            self.told_worker_failed(id, &error, by_itself);
        }
        let forced = self.forced.is_some();
        let member = &mut self.members[id];
        let has_tasks = |scope: &Arc<Scope>| !scope.tasks.names().is_empty();
        let note = match member.phase {
            Phase::Ended | Phase::Waiting | Phase::Scheduled => {
                member.next_turn(Phase::Ended);
                return false;
            }
            Phase::Starting => Some("its start was cut"),
            Phase::Up if worker && !member.cancelled => Some("was cut"),
            Phase::Up if worker => None,
            Phase::Up if !stops && member.scope.as_ref().is_some_and(has_tasks) => {
                Some("its tasks were cut")
            }
            Phase::Up if !stops => {
                member.outcome.stopped = Some(Duration::ZERO);
                member.next_turn(Phase::Ended);
                self.ends.push(id);
                self.count_leaks(id);
                return false;
            }
            Phase::Up if forced => Some("its stop was left out: forced"),
            Phase::Up => Some("there was no time left to stop it"),
            Phase::EndingTasks | Phase::StopTasks => Some("its tasks were cut"),
            Phase::Stopping => Some("its stop was cut"),
            Phase::InEmergency => None,
            Phase::Dropping => Some("its destructor did not end"),
            Phase::Left => return false,
        };
        member.outcome.errors.extend(note.map(ToOwned::to_owned));
        member.outcome.unclean = true;
        if member.phase != Phase::Starting {
            let took = if member.told {
                member.since.elapsed()
            } else {
                Duration::ZERO
            };
            member.outcome.stopped = Some(took);
        }
        member.next_turn(Phase::Left);
        true
    }

    /// Writes down how it ended after all.
    fn conclude(&mut self, id: Id) {
        let member = &mut self.members[id];
        let was_due = member.slot.is_some_and(|slot| self.emergency.was_due(slot));
        let layer = if was_due {
            CleanupLayer::Emergency
        } else {
            CleanupLayer::Timeout
        };
        member.outcome.layer = member.outcome.layer.max(layer);
        if let Some(scope) = &member.scope {
            member.outcome.unfinished_tasks = scope.tasks.names();
        }
        self.ends.push(id);
        if self.members[id].outcome.stopped.is_some() {
            self.emit_stopped(id);
        }
    }
}
