//! The stop of each resource, as soon as all that depend on it and all of a higher order have ended: its `stop`, its tasks,
//! its emergency hook where the stop was not graceful, its destructor.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::call::guard;
use super::driver::{GRACE, Life};
use super::hook_error::HookError;
use super::input::{Ended, Input, Turn};
use super::span::{CallPhase, EmergencySpan};
use crate::api::cleanup_layer::CleanupLayer;
use crate::api::event::EventKind;
use crate::api::hook::Hook;
use crate::api::leases::{self, LeaseCounts, Outstanding};
use crate::api::record::HookKind;
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::life::emergency::EmergencyEnd;
use crate::life::state::component::Phase;
use crate::life::track::{Activity, Mark};
use crate::plan::component::{Id, Kind};
use crate::plan::drill::Stage;

impl Life {
    /// Stops all resources in reverse.
    pub(super) async fn stop_all(&mut self) {
        self.history.mark(Mark::Stop);
        let now = Instant::now();
        let plan = Arc::clone(&self.plan);
        for component in &mut self.components[..plan.resources] {
            if matches!(component.phase, Phase::Up) {
                component.track.enter(Activity::WaitingToStop, now);
            }
        }
        plan.drill.enter(Stage::Stopping);
        let (resources, nodes) = (plan.resources, plan.graph.len());
        self.stops
            .begin(resources, nodes, |node| plan.graph.dependents(node));
        self.stop_free();
        while (self.stops.pending > 0 || plan.drill.holds(Stage::Stopping))
            && !self.is_out_of_time()
        {
            self.step().await;
            self.stop_free();
        }
    }

    /// Stops what nothing keeps any more, and whatever that frees at once. A loop, not a recursion: a long chain of
    /// resources without a `stop` ends here without returning to the driver's loop.
    fn stop_free(&mut self) {
        while !self.is_out_of_time()
            && let Some(node) = self.stops.next()
        {
            let resources = self.plan.resources;
            if node < resources && matches!(self.components[node].phase, Phase::Up) {
                self.begin_stop(node);
                continue;
            }
            // A barrier, or a resource that never came up.
            if node < resources {
                self.components[node].next_turn(Phase::Ended);
                self.stops.resource_ended();
            }
            self.free_needs(node);
        }
    }

    /// The node has ended: what it needed need not wait for it.
    fn free_needs(&mut self, node: usize) {
        let plan = Arc::clone(&self.plan);
        for need in plan.graph.needs(node) {
            if self.stops.unblock(*need) {
                let last = self.stops.ends.last().copied();
                let resources = &mut self.components[..plan.resources];
                if let Some(component) = resources.get_mut(*need as usize) {
                    component.stop_after = last.filter(|id| *id < plan.resources);
                }
            }
        }
    }

    fn begin_stop(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let remaining = self.remaining();
        let allowed = plan.graph.allowance(id, plan.cost(id), remaining);
        let slack = plan.graph.slack(id, remaining);
        let now = Instant::now();
        let component = &mut self.components[id];
        component.since = now;
        component.stop_requested = true;
        let turn = component.next_turn(Phase::Stopping);
        if let Some(scope) = &component.scope {
            scope.request_stop(now + allowed, now + allowed.max(slack));
        }
        self.set_abort_at(id, now + allowed);
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
        let instance = self.instance(id);
        let stop = table.stop;
        let in_use = table.in_use;
        let component = &mut self.components[id];
        if hooks.contains(&HookKind::InUse) {
            component.leases_before_stop = Some(Arc::default());
        }
        let before = component.leases_before_stop.clone();
        let slot = component.slot;
        let emergency = self.emergency.hooks.handle();
        let due = emergency.handle();
        // Checked where the stop begins: between the driver's check and this one the process may have stood still.
        let may_begin = move || match slot.is_some_and(|slot| due.was_due(slot)) {
            true => Err("its emergency hook was called before it could begin".into()),
            false => Ok(()),
        };
        let planned = Arc::clone(&plan);
        let make = move || {
            // One that is written by hand does as it likes from here on.
            if let Err(error) = may_begin() {
                return Hook::future(async { Err(error) });
            }
            let made = instance.and_then(|instance| Some((stop(&instance)?, instance)));
            // It is listed, and there is none after all.
            let Some((hook, instance)) = made else {
                return Hook::thread(|| Ok(Ended::Clean));
            };
            let hook = planned.drill.stop(id, hook).map(Ended::from);
            hook.after(move || {
                may_begin()?;
                if let Some(before) = before {
                    before.store(in_use(&instance).unwrap_or_default(), Ordering::Relaxed);
                }
                Ok(())
            })
        };
        let sender = self.sender.clone();
        let then = move |result: Result<Ended, HookError>| {
            // Disarmed where the stop ends: should the driver be late, the watchdog must not call the hook of what has
            // stopped gracefully.
            if let (Ok(_), Some(slot)) = (&result, slot) {
                emergency.disarm(slot);
            }
            let _ = sender.send(Input::StopEnded { id, turn, result });
        };
        self.begin_call(id, make, CallPhase::Stop, then);
    }

    pub(super) fn on_stop_ended(&mut self, id: Id, turn: Turn, result: Result<Ended, HookError>) {
        if self.components[id].turn == turn {
            self.after_stop(id, result);
        }
    }

    /// The time of its stop, its tasks, its emergency hook or its destructor is over.
    pub(super) fn on_stop_timeout(&mut self, id: Id) {
        let component = &mut self.components[id];
        let waited = component.since.elapsed();
        match component.phase {
            Phase::Stopping => {
                let what = if component.call_is_thread() {
                    "its stop did not end on its thread within"
                } else {
                    "its stop did not end within"
                };
                component.abort_call();
                let error = format!("{what} {}", show(waited));
                component.outcome.errors.push(error);
                component.outcome.layer = CleanupLayer::Timeout;
                self.cancel_tasks(id, false);
            }
            Phase::StoppingTasks {
                graceful,
                aborted: false,
            } => self.cancel_tasks(id, graceful),
            Phase::StoppingTasks { aborted: true, .. } => self.settle(id),
            Phase::InEmergency { .. } => {
                if let Some(slot) = component.slot {
                    self.emergency.hooks.give_up(slot);
                    self.take_emergency_ends();
                }
            }
            Phase::Dropping { .. } => {
                let error = format!("its destructor did not end within {}", show(waited));
                component.unclean(CleanupLayer::Timeout, error);
                self.resource_ended(id);
            }
            _ => {}
        }
    }

    /// It has stopped gracefully: its emergency hook is not due any more.
    fn disarm(&mut self, id: Id) {
        if let Some(slot) = self.components[id].slot {
            self.emergency.hooks.disarm(slot);
        }
    }

    /// Its `stop` has ended; its tasks have what remains of its time.
    fn after_stop(&mut self, id: Id, result: Result<Ended, HookError>) {
        let component = &mut self.components[id];
        component.call = None;
        let graceful = result.is_ok();
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
                // Also where it has no emergency hook: that is how far its cleanup had to go.
                component.outcome.layer = CleanupLayer::Emergency;
                let error = format!("its stop failed: {}", error.describe());
                component.outcome.errors.push(error);
            }
        }
        let component = &mut self.components[id];
        let until = component.abort_at;
        component.next_turn(Phase::StoppingTasks {
            graceful,
            aborted: false,
        });
        self.await_tasks(id, until.unwrap_or_else(Instant::now));
    }

    fn await_tasks(&mut self, id: Id, until: Instant) {
        if self.tasks_have_ended(id) {
            self.settle(id);
        } else {
            self.set_abort_at(id, until);
        }
    }

    fn cancel_tasks(&mut self, id: Id, graceful: bool) {
        let component = &mut self.components[id];
        component.cancel_tasks();
        component.next_turn(Phase::StoppingTasks {
            graceful,
            aborted: true,
        });
        self.await_tasks(id, Instant::now() + GRACE);
    }

    /// Stop and tasks have ended, or are waited for no longer: its emergency hook where that is due, else its destructor.
    pub(super) fn settle(&mut self, id: Id) {
        let component = &mut self.components[id];
        if let Some(scope) = &component.scope {
            scope.tasks.close();
            component.outcome.unfinished_tasks = scope.tasks.names();
        }
        if !component.outcome.unfinished_tasks.is_empty() {
            component.unclean(CleanupLayer::Timeout, None);
        }
        if let Phase::StoppingTasks { graceful: true, .. } = component.phase {
            self.drop_instance(id, None);
            return;
        }
        component.outcome.unclean = true;
        let Some(slot) = component.slot else {
            self.drop_instance(id, None);
            return;
        };
        let share = self.emergency.share();
        // Before the hook is called: from then on a paused clock would jump over its share.
        let hold = self.threads.hold();
        if !self.emergency.hooks.run(slot) {
            self.drop_instance(id, None);
            return;
        }
        self.emit(EventKind::EmergencyHook {
            name: self.name(id),
        });
        let since = Instant::now();
        self.components[id].next_turn(Phase::InEmergency { since, hold });
        self.set_abort_at(id, since + share);
    }

    /// Takes the ends of all emergency hooks that have ended, or were given up.
    pub(super) fn take_emergency_ends(&mut self) {
        for slot in 0..self.emergency.count() {
            if let Some((id, end)) = self.emergency.take_end(slot) {
                self.on_emergency_ended(slot, id, end);
            }
        }
    }

    /// The watchdog may have begun hooks although all went well here: then it did not.
    pub(super) fn note_hooks_of_the_watchdog(&mut self) {
        self.take_emergency_ends();
        for (slot, id) in self.emergency.slots() {
            if self.emergency.hooks.was_due(slot) {
                let outcome = &mut self.components[id].outcome;
                outcome.layer = CleanupLayer::Emergency;
                outcome.unclean = true;
            }
        }
    }

    fn on_emergency_ended(&mut self, slot: usize, id: Id, end: EmergencyEnd) {
        let component = &mut self.components[id];
        component.outcome.layer = CleanupLayer::Emergency;
        let error = match end {
            EmergencyEnd::Done => None,
            EmergencyEnd::Panicked(message) => {
                Some(format!("its emergency hook panicked: {}", escape(&message)))
            }
            EmergencyEnd::GivenUp => Some("its emergency hook did not end in its share".to_owned()),
            EmergencyEnd::NotBegun => {
                Some("its emergency hook was not begun in its share: no thread was free".to_owned())
            }
        };
        component.outcome.errors.extend(error.clone());
        let now = Instant::now();
        let (called, came_back) = self.emergency.hooks.times(slot);
        if let Some(called) = called {
            component.track.emergency(called.into(), now);
        }
        let Phase::InEmergency { since, .. } = component.phase else {
            // Called by the emergency layer or the watchdog: nothing of the component waits for its end.
            let ended = came_back.map_or(now, |at| now.min(at.into()));
            component.track.end(ended);
            return;
        };
        self.emergency.has_taken(since.elapsed());
        let called = called.filter(|_| EmergencySpan::is_wanted());
        let span = called.map(|at| EmergencySpan {
            component: self.name(id),
            elapsed: came_back.unwrap_or_else(std::time::Instant::now) - at,
            error,
        });
        self.drop_instance(id, span);
    }

    /// Drops the framework's own handle, off the runtime where that runs user code, within the component's time. Before
    /// that the span of its emergency hook is written.
    fn drop_instance(&mut self, id: Id, span: Option<EmergencySpan>) {
        let plan = Arc::clone(&self.plan);
        let Kind::Resource { table, .. } = &plan.components[id].kind else {
            return;
        };
        let slot = self.components[id].slot;
        let hook = slot.and_then(|slot| self.emergency.hooks.take_hook(slot));
        let Some(instance) = self.instances.put(id, None) else {
            self.resource_ended(id);
            return;
        };
        if !table.needs_drop && !plan.components[id].has(HookKind::InUse) && span.is_none() {
            drop(instance);
            self.resource_ended(id);
            return;
        }
        let aborted = self.components[id].is_aborted();
        let turn = self.components[id].next_turn(Phase::Dropping { aborted });
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
        let component = &self.components[id];
        let scope_end = component.scope.as_ref().and_then(|scope| scope.abort_at());
        let own = plan.graph.allowance(id, plan.cost(id), self.remaining());
        // Where the stop took all of its time, a destructor still has the moment that it normally takes.
        let at = scope_end
            .unwrap_or(component.since + own)
            .max(Instant::now() + GRACE.min(self.remaining()));
        self.set_abort_at(id, at);
    }

    pub(super) fn on_dropped(
        &mut self,
        id: Id,
        turn: Turn,
        leaked: (usize, Vec<Outstanding>),
        panic: Option<String>,
    ) {
        if self.components[id].turn != turn {
            return;
        }
        self.leaks(id, leaked);
        if let Some(panic) = panic {
            let outcome = &mut self.components[id].outcome;
            outcome.errors.push(format!("its destructor {panic}"));
            outcome.unclean = true;
        }
        self.resource_ended(id);
    }

    /// Writes down the leases that are still out at its end.
    pub(super) fn leaks(&mut self, id: Id, (after, oldest): (usize, Vec<Outstanding>)) {
        let component = &mut self.components[id];
        component.outcome.leaked = LeaseCounts {
            before_stop: component.leases_before_stop(),
            after_stop: after,
            oldest,
        };
    }

    /// Asks a component whose instance is not dropped for its leases.
    pub(super) fn count_leaks(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let Kind::Resource { table, .. } = &plan.components[id].kind else {
            return;
        };
        let instance = self.instance(id);
        let Some(instance) = instance.filter(|_| plan.components[id].has(HookKind::InUse)) else {
            return;
        };
        self.emergency.counting += 1;
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
        let component = &mut self.components[id];
        component.next_turn(Phase::Ended);
        let took: Duration = component.since.elapsed();
        component.outcome.stopped = Some(took);
        self.stops.ends.push(id);
        self.emit_stopped(id);
        self.stops.resource_ended();
        self.free_needs(id);
    }
}
