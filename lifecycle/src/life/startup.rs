//! Startup: each component as soon as what it needs is up, and everything in parallel that may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::call::after_first_poll;
use super::driver::Life;
use super::hook_error::HookError;
use super::input::{Input, Turn};
use super::span::CallPhase;
use super::timers::Timer;
use crate::api::event::EventKind;
use crate::api::hook::{Instance, StartContext};
use crate::api::ready::Ready;
use crate::base::duration::{LONGEST, show};
use crate::life::restart_history::{backoff, jitter};
use crate::life::state::component::Phase;
use crate::plan::component::{Id, Kind};
use crate::plan::drill::Stage;
use crate::scope::reason::Reason;

/// A worker whose first poll takes longer counts as up, and is reported.
const FIRST_POLL: Duration = Duration::from_millis(100);

impl Life {
    /// Starts everything, or stops at the first cause not to.
    pub(super) async fn start_up(&mut self) {
        self.plan.drill.enter(Stage::Starting);
        let limit = self.history.began + self.plan.limits.startup;
        self.timers.set(limit, Timer::Startup);
        self.start_resources();
        self.await_starts().await;
        let plan = Arc::clone(&self.plan);
        for group in &plan.groups {
            if self.shutdown.is_requested() {
                return;
            }
            self.starts.pending = group.len();
            for id in group {
                self.schedule_worker(*id);
            }
            self.await_starts().await;
        }
        while self.plan.drill.holds(Stage::Starting) && !self.shutdown.is_requested() {
            self.step().await;
        }
    }

    async fn await_starts(&mut self) {
        while self.starts.pending > 0 && !self.shutdown.is_requested() {
            self.step().await;
        }
    }

    fn start_resources(&mut self) {
        let plan = Arc::clone(&self.plan);
        let (resources, nodes) = (plan.resources, plan.graph.len());
        for node in self
            .starts
            .begin(resources, nodes, |node| plan.graph.needs(node))
        {
            self.launch(node);
        }
    }

    /// Starts a resource, or passes a barrier on to those behind it.
    fn launch(&mut self, node: usize) {
        if node < self.plan.resources {
            let component = &mut self.components[node];
            component.since = Instant::now();
            component.start_after = self.starts.last_up;
            self.attempt_start(node);
        } else {
            self.launch_dependents(node);
        }
    }

    /// The node is through: launches those that waited for it alone.
    fn launch_dependents(&mut self, node: usize) {
        let plan = Arc::clone(&self.plan);
        for dependent in plan.graph.dependents(node) {
            if self.starts.unblock(*dependent) {
                self.launch(*dependent as usize);
            }
        }
    }

    fn attempt_start(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let component = &plan.components[id];
        let Kind::Resource { table, .. } = &component.kind else {
            return;
        };
        let mut context = self.context(id);
        let state = &mut self.components[id];
        state.attempt += 1;
        let turn = state.next_turn(Phase::Starting);
        if state.attempt == 1 {
            self.emit(EventKind::Starting {
                name: Arc::clone(&component.name),
                time_limit: component.start_timeout,
            });
        }
        self.set_abort_at(id, Instant::now() + component.start_timeout);
        let sender = self.sender.clone();
        let start = table.start;
        let plan = Arc::clone(&plan);
        let make = move || plan.drill.start(id, start(&mut context));
        let then = move |result| drop(sender.send(Input::Started { id, turn, result }));
        self.begin_call(id, make, CallPhase::Start, then);
    }

    pub(super) fn on_started(&mut self, id: Id, turn: Turn, result: Result<Instance, HookError>) {
        let component = &mut self.components[id];
        if component.turn != turn {
            // A start on a thread that was abandoned, or one whose end was faster than its cancellation.
            if let Ok(late) = result {
                self.drop_aside(late);
            }
            return;
        }
        component.call = None;
        match result {
            Ok(instance) => self.on_up(id, instance),
            Err(error) => self.on_start_failed(id, error),
        }
    }

    fn on_up(&mut self, id: Id, instance: Instance) {
        let plan = Arc::clone(&self.plan);
        let component = &mut self.components[id];
        component.next_turn(Phase::Up);
        let took = component.since.elapsed();
        component.outcome.started = Some(took);
        let slot = component.slot;
        if let (Some(slot), Kind::Resource { table, .. }) = (slot, &plan.components[id].kind) {
            let (emergency, instance) = (table.emergency, instance.clone());
            let hook = plan.drill.emergency(id, move || emergency(&instance));
            self.emergency.hooks.arm(slot, hook);
        }
        self.instances.put(id, Some(instance));
        self.emit(EventKind::Started {
            name: self.name(id),
            took,
        });
        self.starts.ended();
        self.starts.last_up = Some(id);
        // While the app stops, what came up is only waited for, so that it can be stopped.
        if !self.shutdown.is_requested() {
            self.launch_dependents(id);
        }
    }

    fn on_start_failed(&mut self, id: Id, error: HookError) {
        let plan = Arc::clone(&self.plan);
        let component = &plan.components[id];
        let attempt = self.components[id].attempt;
        let scope = self.components[id].scope.take();
        // One that was asked to stop cannot but return an error.
        let asked = scope
            .as_ref()
            .is_some_and(|scope| scope.is_stop_requested());
        // An attempt's tasks end with it.
        if let Some(scope) = scope {
            let now = Instant::now();
            scope.request_stop(now, now);
            scope.tasks.cancel();
        }
        let stopping = self.shutdown.is_requested();
        let retry_in = (!stopping && !error.is_config() && attempt <= component.retries)
            .then(|| backoff(component.backoff, attempt - 1, jitter()));
        let is_expected = stopping && (asked || error.comes_from_stopping());
        if !is_expected {
            let error = error.describe();
            self.emit(EventKind::StartFailed {
                name: Arc::clone(&component.name),
                attempt,
                error,
                retry_in,
            });
        }
        if let Some(retry_in) = retry_in {
            let turn = self.components[id].next_turn(Phase::Scheduled);
            self.timers
                .set(Instant::now() + retry_in, Timer::Due { id, turn });
            return;
        }
        self.components[id].next_turn(Phase::Ended);
        self.starts.ended();
        if is_expected {
            let note = match error {
                HookError::Cancelled => "its start was cancelled".to_owned(),
                error => format!(
                    "did not come up, since it was asked to stop: {}",
                    error.describe()
                ),
            };
            self.components[id].outcome.errors.push(note);
        } else {
            self.start_failed_for_good(id, &error);
        }
    }

    /// The first one is the root error; one during the rollback is only reported with its component.
    pub(super) fn start_failed_for_good(&mut self, id: Id, error: &HookError) {
        let name = self.name(id);
        let component = &mut self.components[id];
        let attempts = if component.attempt > 1 {
            format!(", attempt {}", component.attempt)
        } else {
            String::new()
        };
        let took = show(component.since.elapsed());
        component.outcome.errors.push(error.describe());
        let root = format!(
            "`{name}` did not start: {} (after {took}{attempts})",
            error.describe()
        );
        self.app_has_failed();
        self.stop_because(Reason::Failed(name), Some(root), error.is_config());
    }

    pub(super) fn on_start_timeout(&mut self, id: Id) {
        let timeout = self.plan.components[id].start_timeout;
        self.components[id].abort_call();
        self.on_start_failed(id, HookError::NotUp(timeout));
    }

    pub(super) fn on_startup_timeout(&mut self) {
        let limit = show(self.plan.limits.startup);
        let waiting: Vec<String> = self
            .components
            .iter()
            .filter(|component| {
                !component.has_been_up()
                    && !matches!(component.phase, Phase::Waiting | Phase::Ended)
            })
            .map(|component| format!("`{}`", component.outcome.name))
            .collect();
        let root = format!(
            "the app was not up within `startup_timeout` {limit}: still starting {}",
            waiting.join(", ")
        );
        self.app_has_failed();
        self.stop_because(Reason::StartupTimeout, Some(root), false);
    }

    /// Starts a worker, or for a periodic one puts its first run on schedule.
    fn schedule_worker(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let Kind::Worker { policy, .. } = &plan.components[id].kind else {
            return;
        };
        self.components[id].since = Instant::now();
        self.components[id].start_after = self.starts.last_up;
        self.emit(EventKind::Starting {
            name: self.name(id),
            time_limit: plan.components[id].start_timeout,
        });
        match policy.schedule {
            Some(every) => {
                let delay = if every.immediate || plan.drill.hurries(id) {
                    Duration::ZERO
                } else {
                    every.period.min(LONGEST)
                };
                // Up before its first run, which may be an hour away.
                self.worker_is_up(id);
                let turn = self.components[id].next_turn(Phase::Scheduled);
                self.timers
                    .set(Instant::now() + delay, Timer::Due { id, turn });
            }
            None => self.run_worker(id),
        }
    }

    /// Calls the worker's function.
    pub(super) fn run_worker(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let component = &plan.components[id];
        let Kind::Worker { run, policy, .. } = &component.kind else {
            return;
        };
        // Each run has a scope of its own, so that its tasks end with it.
        self.components[id].scope = None;
        let mut context: StartContext = self.context(id);
        let state = &mut self.components[id];
        state.attempt += 1;
        let turn = state.next_turn(Phase::Running { aborted: false });
        self.instances.begun();
        let up = {
            let sender = self.sender.clone();
            move || drop(sender.send(Input::WorkerUp { id, turn }))
        };
        if !state.has_been_up() {
            if component.takes_ready {
                self.set_abort_at(id, Instant::now() + component.start_timeout);
            } else {
                self.timers
                    .set(Instant::now() + FIRST_POLL, Timer::FirstPoll { id, turn });
            }
        }
        if let Some(limit) = policy.schedule.and_then(|every| every.run_timeout) {
            self.set_abort_at(id, Instant::now() + limit.min(LONGEST));
        }
        if component.takes_ready {
            context.ready = Some(Ready::new(once(up.clone())));
        }
        let run = Arc::clone(run);
        let takes_ready = component.takes_ready;
        let plan = Arc::clone(&plan);
        let make = move || {
            let hook = plan.drill.run(id, run(&mut context), &context);
            if takes_ready {
                hook
            } else {
                after_first_poll(hook, up)
            }
        };
        let sender = self.sender.clone();
        let then = move |result| drop(sender.send(Input::WorkerEnded { id, turn, result }));
        self.begin_call(id, make, CallPhase::Run, then);
    }

    pub(super) fn on_worker_up(&mut self, id: Id, turn: Turn) {
        if self.components[id].turn == turn {
            self.worker_is_up(id);
        }
    }

    pub(super) fn worker_is_up(&mut self, id: Id) {
        let component = &mut self.components[id];
        if component.has_been_up() {
            return;
        }
        let took = component.since.elapsed();
        component.outcome.started = Some(took);
        self.starts.last_up = Some(id);
        if !component.stop_requested {
            // Until now that was the limit of its start; from then on it is that of its stop.
            component.abort_at = None;
        }
        component.keep_track();
        // In the drain only resources count among the starts.
        if !self.shutdown.is_requested() {
            self.starts.ended();
        }
        self.emit(EventKind::Started {
            name: self.name(id),
            took,
        });
    }

    pub(super) fn on_slow_first_poll(&mut self, id: Id) {
        if !self.components[id].has_been_up() {
            self.emit(EventKind::SlowFirstPoll {
                name: self.name(id),
            });
            self.worker_is_up(id);
        }
    }

    /// A retry, a restart or a periodic run is due.
    pub(super) fn on_due(&mut self, id: Id) {
        if self.drain.begun {
            return;
        }
        if self.plan.components[id].is_worker() {
            self.run_worker(id);
        } else {
            self.attempt_start(id);
        }
    }
}

/// Calls it the first time only: a worker may report that it is ready as often as it likes.
fn once(call: impl Fn() + Send + Sync) -> impl Fn() + Send + Sync {
    let called = AtomicBool::new(false);
    move || {
        if !called.swap(true, Ordering::Relaxed) {
            call();
        }
    }
}
