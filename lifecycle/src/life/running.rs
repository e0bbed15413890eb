//! While the app runs: workers that end by themselves, main's body, reloads.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::call::Call;
use super::hook_error::HookError;
use super::input::{Input, Turn};
use super::span::{CallPhase, CallSpan};
use super::call::guard;
use super::driver::{GRACE, Life};
use super::timers::Timer;
use crate::api::cleanup_layer::CleanupLayer;
use crate::api::event::EventKind;
use crate::api::hook::StartContext;
use crate::api::record::HookKind;
use crate::api::worker::EndAction;
use crate::base::duration::show;
use crate::life::state::component::Phase;
use crate::life::restart_history::{Next, jitter};
use crate::life::track::{Activity, Mark, Track};
use crate::plan::component::{Id, Kind, Source};
use crate::scope::reason::Reason;

impl Life {
    /// Announces that the app is up, runs main's body, and waits for a cause to stop.
    pub(super) async fn run_until_stopped(&mut self) {
        self.ran = true;
        self.startup_took = self.began.elapsed();
        self.mark(Mark::Up);
        self.emit(EventKind::Running {
            took: self.startup_took,
        });
        // Whoever watches knows it before main does: a probe of main's first client finds the app up.
        self.show();
        if let Some(body) = &mut self.wiring.body {
            let (idle, _) = tokio::sync::oneshot::channel();
            let start = std::mem::replace(&mut body.start, idle);
            let plan = Arc::clone(&self.plan);
            let instances = plan
                .fields
                .iter()
                .filter_map(|(key, source)| Some((*key, self.store.get(source)?)))
                .collect();
            let context = StartContext {
                name: "main".into(),
                instances,
                scope: Arc::clone(&self.app_scope),
                ready: None,
            };
            self.body_running = start.send(context).is_ok();
            self.body_track = self
                .body_running
                .then(|| Track::new(Activity::Running, Instant::now()));
        }
        if let Some(up) = self.wiring.up.take() {
            let _ = up.send(());
        }
        if std::mem::take(&mut self.reload_wanted) || self.plan.drill.reloads() {
            self.reload();
        }
        while self.cause.is_none() {
            if self.reloading.is_empty() {
                let runs = |id: Id| self.members[id].phase == Phase::Up;
                let stop = || drop(self.sender.send(Input::Stop));
                self.plan.drill.go_down(runs, stop);
            }
            self.step().await;
        }
    }

    /// Main's body has ended, or is not waited for any more.
    pub(super) fn body_is_over(&mut self) {
        self.body_running = false;
        if let Some(track) = &mut self.body_track {
            track.end(Instant::now());
        }
    }

    pub(super) fn on_body_ended(&mut self, result: Result<(), HookError>) {
        self.body_is_over();
        let told = self.app_scope.is_stop_requested();
        match result {
            Ok(()) => self.stop_because(Reason::MainReturned, None, false),
            Err(error) if told && error.comes_from_stopping() => {
                self.emit(EventKind::ExpectedError {
                    name: "main".into(),
                    error: error.describe(),
                });
            }
            Err(error) => {
                if self.cause.is_some() {
                    self.body_outcome().errors.push(error.describe());
                }
                self.app_has_failed();
                let root = format!("`main` failed: {}", error.describe());
                self.emit(EventKind::Failed {
                    name: "main".into(),
                    error: error.describe(),
                    retry_in: None,
                });
                self.stop_because(Reason::Failed("main".into()), Some(root), error.is_config());
            }
        }
    }

    /// The worker's function has ended; its tasks are ended before anything follows.
    pub(super) fn on_worker_ended(&mut self, id: Id, turn: Turn, result: Result<(), HookError>) {
        let member = &mut self.members[id];
        if member.turn != turn {
            return;
        }
        member.call = None;
        // Of one that was cut it has been written down already.
        member.ended = (!member.cancelled).then_some(result);
        member.ended_untold = !member.told;
        let told_until = member.cut_at.filter(|_| member.told);
        member.next_turn(Phase::EndingTasks);
        let limit = self.plan.components[id]
            .timeout
            .unwrap_or(self.plan.limits.drain);
        let until = told_until.unwrap_or_else(|| Instant::now() + limit);
        if let (false, Some(scope)) = (self.members[id].told, &self.members[id].scope) {
            scope.request_stop(until, until);
        }
        self.await_worker_tasks(id, until);
    }

    fn await_worker_tasks(&mut self, id: Id, until: Instant) {
        if self.tasks_are_over(id) {
            self.worker_run_over(id);
        } else {
            self.cut_at(id, until);
        }
    }

    pub(super) fn on_worker_cut(&mut self, id: Id) {
        let member = &mut self.members[id];
        match member.phase {
            Phase::Up if !member.told => self.cut_run(id),
            Phase::Up if !member.cancelled => self.cut_told(id),
            // It is not dropped even now.
            Phase::Up => {
                member.next_turn(Phase::EndingTasks);
                self.worker_run_over(id);
            }
            Phase::EndingTasks if !member.cancelled => {
                self.cancel_scope(id);
                self.await_worker_tasks(id, Instant::now() + GRACE);
            }
            Phase::EndingTasks => self.worker_run_over(id),
            _ => {}
        }
    }

    /// A periodic run that took too long, or a worker that was never ready.
    fn cut_run(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let component = &plan.components[id];
        let member = &mut self.members[id];
        let run_timeout = match &component.kind {
            Kind::Worker { policy, .. } => policy.every.and_then(|every| every.run_timeout),
            Kind::Resource { .. } => None,
        };
        let limit = if member.was_up {
            run_timeout.unwrap_or_default()
        } else {
            component.start_timeout
        };
        let turn = member.turn;
        member.cut_call();
        let error = if self.members[id].was_up {
            HookError::TimedOut(limit)
        } else {
            HookError::NotUp(limit)
        };
        self.on_worker_ended(id, turn, Err(error));
    }

    /// A worker that was told and is still there: it is told to drop, with its tasks, which takes a moment; a thread is
    /// abandoned.
    fn cut_told(&mut self, id: Id) {
        let waited = show(self.members[id].since.elapsed());
        self.cancel_scope(id);
        let member = &mut self.members[id];
        member.outcome.unclean = true;
        member.outcome.layer = member.outcome.layer.max(CleanupLayer::Timeout);
        if member.call.as_ref().is_some_and(Call::is_thread) {
            member
                .outcome
                .errors
                .push(format!("its thread did not end within {waited}"));
            member.call = None;
            member.next_turn(Phase::EndingTasks);
            self.await_worker_tasks(id, Instant::now() + GRACE);
        } else {
            member
                .outcome
                .errors
                .push(format!("did not end within {waited}"));
            member.cut_call();
            self.cut_at(id, Instant::now() + GRACE);
        }
    }

    /// Function and tasks of a run have ended, or been given up.
    pub(super) fn worker_run_over(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let Kind::Worker { policy, .. } = &plan.components[id].kind else {
            return;
        };
        let scope = self.scope(id);
        scope.tasks.close();
        let name = self.name(id);
        let left = scope.tasks.names();
        let member = &mut self.members[id];
        member.cancelled = false;
        if !left.is_empty() {
            member.outcome.unclean = true;
            member.outcome.layer = member.outcome.layer.max(CleanupLayer::Timeout);
            member.outcome.unfinished_tasks.extend(left);
        }
        let ended = member.ended.take();
        // One that had ended before it was told, as its tasks have now, is up to its policy.
        let by_itself = !member.told || (member.ended_untold && ended.is_some());
        if !by_itself {
            if let Some(Err(error)) = ended {
                self.told_worker_failed(id, &error, false);
            }
            self.worker_over(id);
            return;
        }
        let result = ended.unwrap_or(Ok(()));
        if result.is_ok() {
            self.worker_is_up(id);
        }
        let next =
            self.members[id]
                .restart_history
                .next(policy, result.is_ok(), Instant::now(), jitter());
        let error = result.as_ref().err().map(HookError::describe);
        match next {
            Next::Again(after) if !self.draining => {
                match error {
                    Some(error) => self.emit(EventKind::Failed {
                        name,
                        error,
                        retry_in: Some(after),
                    }),
                    None if policy.every.is_none() => self.emit(EventKind::Restarting {
                        name,
                        retry_in: after,
                    }),
                    None => {}
                }
                let member = &mut self.members[id];
                member.outcome.restarts += u32::from(policy.every.is_none());
                let turn = member.next_turn(Phase::Scheduled);
                self.timers.set(Instant::now() + after, Timer::Due { id, turn });
            }
            Next::Finished | Next::Again(_) => {
                match error {
                    // It would run again, were the app not stopping.
                    Some(error) => self.emit(EventKind::Failed {
                        name: Arc::clone(&name),
                        error,
                        retry_in: None,
                    }),
                    None => self.emit(EventKind::Finished {
                        name: Arc::clone(&name),
                    }),
                }
                self.worker_gone(id);
                if policy.on_finish == EndAction::Shutdown {
                    self.stop_because(Reason::Finished(name), None, false);
                }
            }
            Next::Failed => {
                let error = result.err().unwrap_or(HookError::TooOften);
                self.worker_failed(id, &error, policy.on_failure);
            }
        }
    }

    fn worker_failed(&mut self, id: Id, error: &HookError, on_failure: EndAction) {
        let name = self.name(id);
        self.emit(EventKind::Failed {
            name: Arc::clone(&name),
            error: error.describe(),
            retry_in: None,
        });
        let member = &mut self.members[id];
        if self.ran {
            member.outcome.errors.push(error.describe());
        }
        self.worker_gone(id);
        if !self.ran {
            self.start_failed_for_good(id, error);
            return;
        }
        if on_failure == EndAction::Shutdown {
            self.app_has_failed();
            let root = format!("`{name}` failed: {}", error.describe());
            self.stop_because(Reason::Failed(name), Some(root), error.is_config());
        }
    }

    /// A worker that ended by itself does not run again; it may have been told in the meantime.
    fn worker_gone(&mut self, id: Id) {
        if self.members[id].told {
            self.worker_over(id);
        } else {
            self.members[id].next_turn(Phase::Ended);
            self.ends.push(id);
        }
    }

    /// A worker that had failed before it was told has failed, unless it would run again, were the app not stopping. Of
    /// one that was told a disconnect or a cancellation is what that provokes; anything else is a failure all the same.
    pub(super) fn told_worker_failed(&mut self, id: Id, error: &HookError, by_itself: bool) {
        let plan = Arc::clone(&self.plan);
        let Kind::Worker { policy, .. } = &plan.components[id].kind else {
            return;
        };
        let name = self.name(id);
        if !by_itself && error.comes_from_stopping() {
            self.emit(EventKind::ExpectedError {
                name,
                error: error.describe(),
            });
            return;
        }
        self.emit(EventKind::Failed {
            name,
            error: error.describe(),
            retry_in: None,
        });
        let member = &mut self.members[id];
        // A periodic run may fail; it is none the worse for the shutdown.
        let history = &member.restart_history;
        if (by_itself || policy.every.is_some())
            && history.would_run_again(policy, false, Instant::now())
        {
            return;
        }
        member.outcome.errors.push(error.describe());
        if policy.on_failure == EndAction::Shutdown {
            self.app_has_failed();
        }
    }

    /// SIGHUP: where something can be reloaded, that is what it asks for; else to stop.
    pub(super) fn on_hangup(&mut self) {
        if self.cause.is_some() {
            return;
        }
        if !self
            .plan
            .components
            .iter()
            .any(|component| component.has(HookKind::Reload))
        {
            self.stop_because(Reason::Signal(1), None, false);
        } else if !self.ran || !self.reloading.is_empty() {
            self.reload_wanted = true;
        } else {
            self.reload();
        }
    }

    /// Reloads one after the other, in start order.
    fn reload(&mut self) {
        self.reloading = self
            .plan
            .graph
            .start_order()
            .iter()
            .rev()
            .copied()
            .filter(|id| self.plan.components[*id].has(HookKind::Reload))
            .collect();
        let limits = self.reloading.iter();
        let limit = limits
            .map(|id| self.plan.components[*id].start_timeout)
            .sum();
        self.emit(EventKind::ReloadBegan { time_limit: limit });
        // The time of its telling says which signal is meant.
        self.show();
        self.reload_next();
    }

    fn reload_next(&mut self) {
        let Some(id) = self.reloading.last().copied() else {
            self.emit(EventKind::ReloadEnded);
            if std::mem::take(&mut self.reload_wanted) {
                self.reload();
            }
            return;
        };
        let plan = Arc::clone(&self.plan);
        let Kind::Resource { table, .. } = &plan.components[id].kind else {
            return;
        };
        let instance = self.store.get(&Source::Component { id, bind: None });
        let reload = table.reload;
        let hook = guard(|| Some(plan.drill.reload(id, reload(&instance?)?)));
        self.reload_turn += 1;
        let turn = self.reload_turn;
        let sender = self.sender.clone();
        let limit = plan.components[id].start_timeout;
        match hook {
            Ok(Some(hook)) => {
                let then = move |result| drop(sender.send(Input::Reloaded { id, turn, result }));
                let span = CallSpan::new(self.name(id), CallPhase::Reload, None);
                let call = Call::begin(hook, span, &self.wiring.runtime, &self.threads, then);
                self.members[id].reload = Some(call);
                self.timers.set(Instant::now() + limit, Timer::Reload { id, turn });
            }
            Ok(None) => self.on_reloaded(id, Ok(())),
            Err(panic) => self.on_reloaded(id, Err(panic)),
        }
    }

    pub(super) fn on_reload_cut(&mut self, id: Id) {
        let limit = self.plan.components[id].start_timeout;
        self.on_reloaded(id, Err(HookError::TimedOut(limit)));
    }

    pub(super) fn on_reloaded(&mut self, id: Id, result: Result<(), HookError>) {
        // Its time goes by also where it is through.
        if self.reloading.last() != Some(&id) {
            return;
        }
        if let Some(call) = self.members[id].reload.take() {
            call.cut();
        }
        let error = result.err().map(|error| error.describe());
        self.emit(EventKind::Reloaded {
            name: self.name(id),
            error,
        });
        self.reloading.pop();
        self.reload_next();
    }

    /// Cuts a reload that is under way.
    pub(super) fn cut_reload(&mut self) {
        self.reload_wanted = false;
        for id in std::mem::take(&mut self.reloading) {
            if let Some(call) = self.members[id].reload.take() {
                call.cut();
            }
        }
    }

    pub(super) fn on_tasks_ended(&mut self, id: Id, turn: Turn) {
        // Another task may have been spawned since.
        if self.members[id].turn != turn || !self.tasks_are_over(id) {
            return;
        }
        match self.members[id].phase {
            Phase::EndingTasks => self.worker_run_over(id),
            Phase::StopTasks => self.settle(id),
            _ => {}
        }
    }

    /// The time of a scope that is told now, for a worker.
    pub(super) fn tell_worker(&mut self, id: Id, allowed: Duration, slack: Duration) {
        let now = Instant::now();
        let scope = self.scope(id);
        let member = &mut self.members[id];
        member.told = true;
        member.since = now;
        member.keep_track();
        match member.phase {
            Phase::Up => {
                scope.request_stop(now + allowed, now + allowed.max(slack));
                self.cut_at(id, now + allowed);
                self.emit(EventKind::Stopping {
                    name: self.name(id),
                    time_limit: allowed,
                });
            }
            // Its tasks have been told already, but until when was its own affair: now others wait for it.
            Phase::EndingTasks if !member.cancelled => {
                scope.request_stop(now + allowed, now + allowed.max(slack));
                self.cut_at(id, now + allowed);
            }
            Phase::EndingTasks => {}
            _ => self.worker_over(id),
        }
    }
}
