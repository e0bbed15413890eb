//! The stop of each resource, as soon as all that depend on it and all of a higher order have ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::call::Call;
use super::hook_error::HookError;
use super::input::{Ended, Input, Turn};
use super::span::{CallPhase, EmergencySpan};
use super::call::guard;
use super::driver::{GRACE, Life};
use crate::api::cleanup_layer::CleanupLayer;
use crate::api::event::EventKind;
use crate::api::leases::LeaseCounts;
use crate::api::leases::{self, Outstanding};
use crate::api::record::HookKind;
use crate::base::duration::show;
use crate::life::state::component::Phase;
use crate::life::emergency::EmergencyEnd;
use crate::life::track::{Activity, Mark};
use crate::plan::component::{Id, Kind, Source};
use crate::plan::drill::Stage;

impl Life {
    /// Stops all resources in reverse.
    pub(super) async fn stop_all(&mut self) {
        self.mark(Mark::Stop);
        let now = Instant::now();
        let plan = Arc::clone(&self.plan);
        for member in &mut self.members[..plan.resources] {
            if member.phase == Phase::Up {
                member.track.enter(Activity::WaitingToStop, now);
            }
        }
        plan.drill.enter(Stage::Stopping);
        self.stopping_left = plan.resources;
        self.stoppable = self.count_waits(|node| plan.graph.dependents(node));
        self.stop_stoppable();
        while (self.stopping_left > 0 || plan.drill.holds(Stage::Stopping)) && !self.is_over() {
            self.step().await;
            self.stop_stoppable();
        }
    }

    /// Stops what nothing keeps any more, and whatever that lets go at once.
    fn stop_stoppable(&mut self) {
        while !self.is_over()
            && let Some(node) = self.stoppable.pop()
        {
            if node < self.plan.resources && self.members[node].phase == Phase::Up {
                self.begin_stop(node);
                continue;
            }
            // A barrier, or one that never came up.
            if node < self.plan.resources {
                self.members[node].next_turn(Phase::Ended);
                self.stopping_left -= 1;
            }
            self.let_go(node);
        }
    }

    /// The node has ended: what it needed need not wait for it.
    fn let_go(&mut self, node: usize) {
        let plan = Arc::clone(&self.plan);
        for need in plan.graph.needs(node) {
            if self.node_unblocked(*need) {
                if let Some(member) = self.members[..plan.resources].get_mut(*need as usize) {
                    member.stop_after = self.ends.last().copied().filter(|id| *id < plan.resources);
                }
                self.stoppable.push(*need as usize);
            }
        }
    }

    fn begin_stop(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let left = self.left();
        let allowed = plan.graph.allowance(id, plan.cost(id), left);
        let slack = plan.graph.slack(id, left);
        let now = Instant::now();
        let member = &mut self.members[id];
        member.since = now;
        member.told = true;
        let turn = member.next_turn(Phase::Stopping);
        if let Some(scope) = &member.scope {
            scope.request_stop(now + allowed, now + allowed.max(slack));
        }
        self.cut_at(id, now + allowed);
        let Kind::Resource { table, hooks, .. } = &plan.components[id].kind else {
            return;
        };
        if !hooks.contains(&HookKind::Stop) {
            self.after_stop(id, Ok(Ended::Clean));
            return;
        }
        self.emit(EventKind::Stopping {
            name: self.name(id),
            time_limit: allowed,
        });
        let instance = self.store.get(&Source::Component { id, bind: None });
        let stop = table.stop;
        let in_use = table.in_use;
        let counts = hooks.contains(&HookKind::InUse);
        let before = Arc::clone(&self.members[id].in_use_before);
        let armed = self.members[id].slot;
        let emergency = self.emergency.handle();
        let hook = guard(|| {
            let instance = instance?;
            let hook = plan.drill.stop(id, stop(&instance)?).map(Ended::from);
            Some(hook.after(move || {
                // Here and now: between the driver's look and this the process may have stood still.
                if armed.is_some_and(|slot| emergency.was_due(slot)) {
                    return Err("its emergency hook was called before it could begin".into());
                }
                if counts {
                    before.store(in_use(&instance).unwrap_or_default(), Ordering::Relaxed);
                }
                Ok(())
            }))
        });
        match hook {
            Ok(Some(hook)) => {
                let sender = self.sender.clone();
                let emergency = self.emergency.handle();
                let then = move |result: Result<Ended, HookError>| {
                    // Here and now: where the driver comes late, the watchdog's threads must not call the hook of what
                    // has ended clean.
                    if let (Ok(_), Some(slot)) = (&result, armed) {
                        emergency.disarm(slot);
                    }
                    let _ = sender.send(Input::StopEnded { id, turn, result });
                };
                self.begin_call(id, hook, CallPhase::Stop, then);
            }
            Ok(None) => self.after_stop(id, Ok(Ended::Clean)),
            Err(panic) => self.after_stop(id, Err(panic)),
        }
    }

    pub(super) fn on_stop_ended(&mut self, id: Id, turn: Turn, result: Result<Ended, HookError>) {
        if self.members[id].turn == turn {
            self.after_stop(id, result);
        }
    }

    /// The time of its stop, its tasks, its emergency hook or its destructor is over.
    pub(super) fn on_stop_cut(&mut self, id: Id) {
        let allowed = self.members[id].since.elapsed();
        match self.members[id].phase {
            Phase::Stopping => {
                let thread = self.members[id].call.as_ref().is_some_and(Call::is_thread);
                self.members[id].cut_call();
                let member = &mut self.members[id];
                let what = if thread {
                    "its stop did not end on its thread within"
                } else {
                    "its stop did not end within"
                };
                member
                    .outcome
                    .errors
                    .push(format!("{what} {}", show(allowed)));
                member.outcome.layer = CleanupLayer::Timeout;
                member.clean = false;
                self.cancel_tasks(id);
            }
            Phase::StopTasks if !self.members[id].cancelled => self.cancel_tasks(id),
            Phase::StopTasks => self.settle(id),
            Phase::InEmergency => {
                if let Some(slot) = self.members[id].slot {
                    self.emergency.give_up(slot);
                    self.hear_emergency_ends();
                }
            }
            Phase::Dropping => {
                let member = &mut self.members[id];
                member.outcome.errors.push(format!(
                    "its destructor did not end within {}",
                    show(allowed)
                ));
                member.outcome.layer = member.outcome.layer.max(CleanupLayer::Timeout);
                member.outcome.unclean = true;
                self.resource_ended(id);
            }
            _ => {}
        }
    }

    /// Its stop has ended clean: the emergency hook is not due any more.
    fn disarm(&mut self, id: Id) {
        if let Some(slot) = self.members[id].slot {
            self.emergency.disarm(slot);
        }
    }

    /// The hook is through; its tasks have what is left of its time.
    fn after_stop(&mut self, id: Id, result: Result<Ended, HookError>) {
        let member = &mut self.members[id];
        member.call = None;
        match result {
            Ok(Ended::Clean) => self.disarm(id),
            Ok(Ended::Expected(error)) => {
                self.disarm(id);
                self.emit(EventKind::ExpectedError {
                    name: self.name(id),
                    error,
                });
            }
            Err(error) => {
                member.clean = false;
                // Also where there is no hook for it: that is how far it had to go.
                member.outcome.layer = CleanupLayer::Emergency;
                member
                    .outcome
                    .errors
                    .push(format!("its stop failed: {}", error.describe()));
            }
        }
        let until = self.members[id].cut_at;
        self.members[id].next_turn(Phase::StopTasks);
        self.await_tasks(id, until);
    }

    fn await_tasks(&mut self, id: Id, until: Option<Instant>) {
        if self.tasks_are_over(id) {
            self.settle(id);
        } else {
            self.cut_at(id, until.unwrap_or_else(Instant::now));
        }
    }

    fn cancel_tasks(&mut self, id: Id) {
        self.cancel_scope(id);
        self.members[id].next_turn(Phase::StopTasks);
        self.await_tasks(id, Some(Instant::now() + GRACE));
    }

    /// Stop and tasks are through: the third layer where it is due.
    pub(super) fn settle(&mut self, id: Id) {
        let name = self.name(id);
        let member = &mut self.members[id];
        if let Some(scope) = &member.scope {
            scope.tasks.close();
            member.outcome.unfinished_tasks = scope.tasks.names();
        }
        let member = &mut self.members[id];
        if !member.outcome.unfinished_tasks.is_empty() {
            member.outcome.layer = member.outcome.layer.max(CleanupLayer::Timeout);
            member.outcome.unclean = true;
        }
        if member.clean {
            self.drop_instance(id);
            return;
        }
        member.outcome.unclean = true;
        let Some(slot) = member.slot else {
            self.drop_instance(id);
            return;
        };
        let waiting = u32::try_from(self.emergency.armed())
            .unwrap_or(u32::MAX)
            .max(1);
        let share = self.emergency_left / waiting;
        let hold = self.threads.hold();
        if !self.emergency.run(slot) {
            self.drop_instance(id);
            return;
        }
        self.emit(EventKind::EmergencyHook { name });
        self.members[id].next_turn(Phase::InEmergency);
        self.members[id].emergency_since = Some((Instant::now(), hold));
        self.members[id].cancelled = true;
        self.cut_at(id, Instant::now() + share);
    }

    /// Looks at all emergency hooks that have ended, or were given up.
    pub(super) fn hear_emergency_ends(&mut self) {
        for slot in 0..self.slots.len() {
            if let Some(end) = self.emergency.take_end(slot) {
                self.on_emergency_ended(slot, end);
            }
        }
    }

    /// The watchdog may have begun hooks while all went well here: then it did not.
    pub(super) fn hear_of_hooks_that_others_began(&mut self) {
        self.hear_emergency_ends();
        for (slot, id) in self.slots.iter().enumerate() {
            if self.emergency.was_due(slot) {
                let outcome = &mut self.members[*id].outcome;
                outcome.layer = CleanupLayer::Emergency;
                outcome.unclean = true;
            }
        }
    }

    fn on_emergency_ended(&mut self, slot: usize, end: EmergencyEnd) {
        let id = self.slots[slot];
        let member = &mut self.members[id];
        member.outcome.layer = CleanupLayer::Emergency;
        let error = match end {
            EmergencyEnd::Done => None,
            EmergencyEnd::Panicked(message) => Some(format!(
                "its emergency hook panicked: {}",
                crate::error::escape::escape(&message)
            )),
            EmergencyEnd::GivenUp => Some("its emergency hook did not end in its share".to_owned()),
            EmergencyEnd::NotBegun => {
                Some("its emergency hook was not begun in its share: no thread was free".to_owned())
            }
        };
        member.outcome.errors.extend(error.clone());
        let now = Instant::now();
        let (called, came_back) = self.emergency.times(slot);
        if let Some(called) = called {
            member.track.emergency(called.into(), now);
        }
        if member.phase != Phase::InEmergency {
            member
                .track
                .end(came_back.map_or(now, |at| now.min(at.into())));
        }
        if let Some((since, _)) = member.emergency_since.take() {
            self.emergency_left = self.emergency_left.saturating_sub(since.elapsed());
        }
        if self.members[id].phase == Phase::InEmergency {
            let called = called.filter(|_| EmergencySpan::is_wanted());
            let span = called.map(|at| EmergencySpan {
                component: self.name(id),
                elapsed: came_back.unwrap_or_else(std::time::Instant::now) - at,
                error,
            });
            self.drop_instance_after(id, span);
        }
    }

    /// The framework's own handle goes, off the runtime where that runs user code, within the component's time.
    fn drop_instance(&mut self, id: Id) {
        self.drop_instance_after(id, None);
    }

    /// The same, once the span of its emergency hook is written.
    fn drop_instance_after(&mut self, id: Id, span: Option<EmergencySpan>) {
        let plan = Arc::clone(&self.plan);
        let Kind::Resource { table, .. } = &plan.components[id].kind else {
            return;
        };
        let hook = self.members[id]
            .slot
            .and_then(|slot| self.emergency.take_hook(slot));
        let Some(instance) = self.store.put(id, None) else {
            self.resource_ended(id);
            return;
        };
        if !table.needs_drop && !plan.components[id].has(HookKind::InUse) && span.is_none() {
            drop(instance);
            self.resource_ended(id);
            return;
        }
        let turn = self.members[id].next_turn(Phase::Dropping);
        let sender = self.sender.clone();
        let in_use = table.in_use;
        self.threads.run(move || {
            // It has a handle of its own: the last one is to be dropped below.
            drop(hook);
            let _ = guard(|| span.map(EmergencySpan::write));
            let leaked = guard(|| leases::ask(|| in_use(&instance).unwrap_or_default()));
            let leaked = leaked.unwrap_or_default();
            let panic = guard(|| drop(instance)).err().map(|error| error.describe());
            let _ = sender.send(Input::Dropped {
                id,
                turn,
                leaked,
                panic,
            });
        });
        let scope_end = self.members[id]
            .scope
            .as_ref()
            .and_then(|scope| scope.abort_at());
        let own = plan.graph.allowance(id, plan.cost(id), self.left());
        let at = scope_end
            .unwrap_or(self.members[id].since + own)
            .max(Instant::now() + GRACE.min(self.left()));
        self.cut_at(id, at);
    }

    pub(super) fn on_dropped(
        &mut self,
        id: Id,
        turn: Turn,
        leaked: (usize, Vec<Outstanding>),
        panic: Option<String>,
    ) {
        let member = &mut self.members[id];
        if member.turn != turn {
            return;
        }
        self.leaks(id, leaked);
        let member = &mut self.members[id];
        if let Some(panic) = panic {
            member
                .outcome
                .errors
                .push(format!("its destructor {panic}"));
            member.outcome.unclean = true;
        }
        self.resource_ended(id);
    }

    /// What it still has lent out at its end.
    pub(super) fn leaks(&mut self, id: Id, (after, oldest): (usize, Vec<Outstanding>)) {
        let member = &mut self.members[id];
        let before = member.in_use_before.load(Ordering::Relaxed);
        member.outcome.leaked = LeaseCounts {
            before_stop: before,
            after_stop: after,
            oldest,
        };
    }

    /// Asks one that is left behind what it still has lent out.
    pub(super) fn count_leaks(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let Kind::Resource { table, .. } = &plan.components[id].kind else {
            return;
        };
        let instance = self.store.get(&Source::Component { id, bind: None });
        let Some(instance) = instance.filter(|_| plan.components[id].has(HookKind::InUse)) else {
            return;
        };
        self.counting += 1;
        let sender = self.sender.clone();
        let in_use = table.in_use;
        self.threads.run(move || {
            let leaked = guard(|| leases::ask(|| in_use(&instance).unwrap_or_default()));
            let leaked = leaked.unwrap_or_default();
            let _ = sender.send(Input::Counted { id, leaked });
            let _ = guard(|| drop(instance));
        });
    }

    fn resource_ended(&mut self, id: Id) {
        let member = &mut self.members[id];
        member.next_turn(Phase::Ended);
        let took: Duration = member.since.elapsed();
        member.outcome.stopped = Some(took);
        self.ends.push(id);
        self.emit_stopped(id);
        self.stopping_left = self.stopping_left.saturating_sub(1);
        self.let_go(id);
    }
}
