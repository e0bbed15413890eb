//! Startup: each component as soon as what it needs is up, and everything in parallel that may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::call::{after_first_poll, guard};
use super::hook_error::HookError;
use super::input::{Input, Turn};
use super::span::CallPhase;
use super::driver::Life;
use super::timers::Timer;
use crate::api::event::EventKind;
use crate::api::hook::{Instance, StartContext};
use crate::api::worker::Ready;
use crate::base::duration::{LONGEST, show};
use crate::life::state::component::Phase;
use crate::life::restart_history::{backoff, jitter};
use crate::plan::component::{Id, Kind};
use crate::plan::drill::Stage;
use crate::scope::reason::Reason;

/// A worker whose first poll takes longer counts as up, and is reported.
const FIRST_POLL: Duration = Duration::from_millis(100);

impl Life {
    /// Starts everything, or stops at the first cause not to.
    pub(super) async fn start_up(&mut self) {
        self.plan.drill.enter(Stage::Starting);
        self.timers.set(self.began + self.plan.limits.startup, Timer::Startup);
        self.start_resources();
        while self.starting > 0 && self.cause.is_none() {
            self.step().await;
        }
        let plan = Arc::clone(&self.plan);
        for group in &plan.groups {
            if self.cause.is_some() {
                return;
            }
            self.starting = group.len();
            for id in group {
                self.schedule_worker(*id);
            }
            while self.starting > 0 && self.cause.is_none() {
                self.step().await;
            }
        }
        while self.plan.drill.holds(Stage::Starting) && self.cause.is_none() {
            self.step().await;
        }
    }

    fn start_resources(&mut self) {
        let plan = Arc::clone(&self.plan);
        self.starting = plan.resources;
        for node in self.count_waits(|node| plan.graph.needs(node)) {
            self.launch(node);
        }
    }

    /// Sets how many each node waits for; returns those that wait for none.
    pub(super) fn count_waits<'a>(&mut self, waits_for: impl Fn(usize) -> &'a [u32]) -> Vec<usize> {
        let count = |node| u32::try_from(waits_for(node).len()).unwrap_or(u32::MAX);
        self.waits = (0..self.plan.graph.len()).map(count).collect();
        (0..self.waits.len())
            .filter(|node| self.waits[*node] == 0)
            .collect()
    }

    /// One that the node waited for is through; whether that was the last one.
    pub(super) fn node_unblocked(&mut self, node: u32) -> bool {
        let waits = &mut self.waits[node as usize];
        *waits -= 1;
        *waits == 0
    }

    /// Starts a resource, or passes a barrier on to those behind it.
    fn launch(&mut self, node: usize) {
        let plan = Arc::clone(&self.plan);
        if node < plan.resources {
            self.members[node].since = Instant::now();
            self.members[node].start_after = self.last_up;
            self.attempt_start(node);
            return;
        }
        for dependent in plan.graph.dependents(node) {
            if self.node_unblocked(*dependent) {
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
        let member = &mut self.members[id];
        member.attempt += 1;
        let turn = member.next_turn(Phase::Starting);
        if member.attempt == 1 {
            self.emit(EventKind::Starting {
                name: Arc::clone(&component.name),
                time_limit: component.start_timeout,
            });
        }
        self.cut_at(id, Instant::now() + component.start_timeout);
        let sender = self.sender.clone();
        let start = table.start;
        let drill = &plan.drill;
        match guard(move || drill.start(id, start(&mut context))) {
            Ok(hook) => {
                let then = move |result| drop(sender.send(Input::Started { id, turn, result }));
                self.begin_call(id, hook, CallPhase::Start, then);
            }
            Err(panic) => self.on_started(id, turn, Err(panic)),
        }
    }

    pub(super) fn on_started(&mut self, id: Id, turn: Turn, result: Result<Instance, HookError>) {
        let member = &mut self.members[id];
        if member.turn != turn {
            if let Ok(late) = result {
                self.drop_aside(late);
            }
            return;
        }
        member.call = None;
        match result {
            Ok(instance) => self.on_up(id, instance),
            Err(error) => self.on_start_failed(id, error),
        }
    }

    fn on_up(&mut self, id: Id, instance: Instance) {
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[id];
        member.next_turn(Phase::Up);
        let took = member.since.elapsed();
        member.outcome.started = Some(took);
        if let (Some(slot), Kind::Resource { table, .. }) = (member.slot, &plan.components[id].kind)
        {
            let (emergency, instance) = (table.emergency, instance.clone());
            let hook = plan.drill.emergency(id, move || emergency(&instance));
            self.emergency.arm(slot, hook);
        }
        self.store.put(id, Some(instance));
        self.emit(EventKind::Started {
            name: self.name(id),
            took,
        });
        self.starting = self.starting.saturating_sub(1);
        self.last_up = Some(id);
        if self.cause.is_some() {
            return;
        }
        for dependent in plan.graph.dependents(id) {
            if self.node_unblocked(*dependent) {
                self.launch(*dependent as usize);
            }
        }
    }

    fn on_start_failed(&mut self, id: Id, error: HookError) {
        let plan = Arc::clone(&self.plan);
        let component = &plan.components[id];
        let attempt = self.members[id].attempt;
        // One that was told cannot but return an error.
        let told = self.members[id]
            .scope
            .as_ref()
            .is_some_and(|scope| scope.is_stop_requested());
        // An attempt's tasks end with it.
        if let Some(scope) = self.members[id].scope.take() {
            let now = Instant::now();
            scope.request_stop(now, now);
            scope.tasks.cancel();
        }
        let stopping = self.cause.is_some();
        let retry_in = (!stopping && !error.is_config() && attempt <= component.retries)
            .then(|| backoff(component.backoff, attempt - 1, jitter()));
        if !(stopping && (told || error.comes_from_stopping())) {
            let error = error.describe();
            self.emit(EventKind::StartFailed {
                name: Arc::clone(&component.name),
                attempt,
                error,
                retry_in,
            });
        }
        if let Some(retry_in) = retry_in {
            let turn = self.members[id].next_turn(Phase::Scheduled);
            self.timers.set(Instant::now() + retry_in, Timer::Due { id, turn });
            return;
        }
        self.members[id].next_turn(Phase::Ended);
        self.starting = self.starting.saturating_sub(1);
        if stopping && (told || error.comes_from_stopping()) {
            let note = match error {
                HookError::Cancelled => "its start was cut".to_owned(),
                error => format!("did not come up, told to stop: {}", error.describe()),
            };
            self.members[id].outcome.errors.push(note);
        } else {
            self.start_failed_for_good(id, &error);
        }
    }

    /// The first one is the root error; one during the rollback is only reported with its component.
    pub(super) fn start_failed_for_good(&mut self, id: Id, error: &HookError) {
        let name = self.name(id);
        let member = &mut self.members[id];
        let attempts = if member.attempt > 1 {
            format!(", attempt {}", member.attempt)
        } else {
            String::new()
        };
        let took = show(member.since.elapsed());
        member.outcome.errors.push(error.describe());
        let root = format!(
            "`{name}` did not start: {} (after {took}{attempts})",
            error.describe()
        );
        self.app_has_failed();
        self.stop_because(Reason::Failed(name), Some(root), error.is_config());
    }

    pub(super) fn on_start_cut(&mut self, id: Id) {
        let timeout = self.plan.components[id].start_timeout;
        let member = &mut self.members[id];
        member.cut_call();
        self.on_start_failed(id, HookError::NotUp(timeout));
    }

    pub(super) fn on_startup_timeout(&mut self) {
        let limit = show(self.plan.limits.startup);
        let waiting: Vec<String> = self
            .members
            .iter()
            .filter(|member| {
                member.outcome.started.is_none()
                    && !matches!(member.phase, Phase::Waiting | Phase::Ended)
            })
            .map(|member| format!("`{}`", member.outcome.name))
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
        self.members[id].since = Instant::now();
        self.members[id].start_after = self.last_up;
        self.emit(EventKind::Starting {
            name: self.name(id),
            time_limit: plan.components[id].start_timeout,
        });
        match policy.every {
            Some(every) => {
                let delay = if every.immediate || plan.drill.hurries(id) {
                    Duration::ZERO
                } else {
                    every.period.min(LONGEST)
                };
                self.worker_is_up(id);
                let turn = self.members[id].next_turn(Phase::Scheduled);
                self.timers.set(Instant::now() + delay, Timer::Due { id, turn });
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
        self.members[id].scope = None;
        let mut context: StartContext = self.context(id);
        let member = &mut self.members[id];
        member.attempt += 1;
        let turn = member.next_turn(Phase::Up);
        let up = {
            let sender = self.sender.clone();
            move || drop(sender.send(Input::WorkerUp { id, turn }))
        };
        if !member.was_up {
            if component.takes_ready {
                self.cut_at(id, Instant::now() + component.start_timeout);
            } else {
                self.timers.set(Instant::now() + FIRST_POLL, Timer::FirstPoll { id, turn });
            }
        }
        if let Some(limit) = policy.every.and_then(|every| every.run_timeout) {
            self.cut_at(id, Instant::now() + limit.min(LONGEST));
        }
        if component.takes_ready {
            context.ready = Some(Ready::new(once(up.clone())));
        }
        let run = Arc::clone(run);
        let takes_ready = component.takes_ready;
        let drill = &plan.drill;
        let hook = guard(move || drill.run(id, run(&mut context), &context));
        match hook {
            Ok(hook) => {
                let hook = if takes_ready {
                    hook
                } else {
                    after_first_poll(hook, up)
                };
                let sender = self.sender.clone();
                let then = move |result| drop(sender.send(Input::WorkerEnded { id, turn, result }));
                self.begin_call(id, hook, CallPhase::Run, then);
            }
            Err(panic) => self.on_worker_ended(id, turn, Err(panic)),
        }
    }

    pub(super) fn on_worker_up(&mut self, id: Id, turn: Turn) {
        if self.members[id].turn == turn {
            self.worker_is_up(id);
        }
    }

    pub(super) fn worker_is_up(&mut self, id: Id) {
        let member = &mut self.members[id];
        if member.was_up {
            return;
        }
        member.was_up = true;
        self.last_up = Some(id);
        if !member.told {
            // Until now that was the limit of its start.
            member.cut_at = None;
        }
        member.keep_track();
        let took = member.since.elapsed();
        member.outcome.started = Some(took);
        if self.cause.is_none() {
            self.starting = self.starting.saturating_sub(1);
        }
        self.emit(EventKind::Started {
            name: self.name(id),
            took,
        });
    }

    pub(super) fn on_slow_first_poll(&mut self, id: Id) {
        if !self.members[id].was_up {
            self.emit(EventKind::SlowFirstPoll {
                name: self.name(id),
            });
            self.worker_is_up(id);
        }
    }

    /// A retry, a restart or a periodic run is due.
    pub(super) fn on_due(&mut self, id: Id) {
        if self.draining {
            return;
        }
        if self.plan.components[id].is_worker() {
            self.run_worker(id);
        } else {
            self.attempt_start(id);
        }
    }
}

/// Calls it the first time only.
fn once(call: impl Fn() + Send + Sync) -> impl Fn() + Send + Sync {
    let called = AtomicBool::new(false);
    move || {
        if !called.swap(true, Ordering::Relaxed) {
            call();
        }
    }
}
