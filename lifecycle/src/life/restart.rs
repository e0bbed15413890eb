//! The end of a worker's run: first its function ends, then its tasks, then its policy decides what follows.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::driver::{GRACE, Life};
use super::hook_error::HookError;
use super::input::Turn;
use super::timers::Timer;
use crate::api::background_policy::{BackgroundPolicy, EndAction};
use crate::api::cleanup_layer::CleanupLayer;
use crate::api::event::EventKind;
use crate::base::duration::show;
use crate::life::restart_history::{Next, jitter};
use crate::life::state::component::{Phase, RunEnd};
use crate::plan::component::{Id, Kind};
use crate::scope::reason::Reason;

impl Life {
    /// The worker's function has ended; its tasks are ended before anything follows.
    pub(super) fn on_worker_ended(&mut self, id: Id, turn: Turn, result: Result<(), HookError>) {
        let component = &mut self.components[id];
        if component.turn != turn {
            return;
        }
        component.call = None;
        let asked = component.stop_requested;
        let aborted = component.is_aborted();
        // The end of one that was aborted is written down already.
        let end = (!aborted).then_some(RunEnd {
            result,
            by_itself: !asked,
        });
        // One that was asked to stop keeps its time; its tasks have what remains of it.
        let until = component.abort_at.filter(|_| asked);
        component.next_turn(Phase::EndingTasks { end, aborted });
        let limit = self.plan.components[id]
            .timeout
            .unwrap_or(self.plan.limits.drain);
        let until = until.unwrap_or_else(|| Instant::now() + limit);
        if let (false, Some(scope)) = (asked, &self.components[id].scope) {
            scope.request_stop(until, until);
        }
        self.await_worker_tasks(id, until);
    }

    fn await_worker_tasks(&mut self, id: Id, until: Instant) {
        if self.tasks_have_ended(id) {
            self.run_ended(id);
        } else {
            self.set_abort_at(id, until);
        }
    }

    /// The time of a run, of a stop, or of the tasks after either is over.
    pub(super) fn on_worker_timeout(&mut self, id: Id) {
        let component = &mut self.components[id];
        match component.phase {
            Phase::Running { .. } if !component.stop_requested => self.time_out_run(id),
            Phase::Running { aborted: false } => self.abort_run(id),
            // Its future was aborted, and is not dropped even now: a poll of it blocks. It is waited for no longer.
            Phase::Running { aborted: true } => {
                component.next_turn(Phase::EndingTasks {
                    end: None,
                    aborted: true,
                });
                self.run_ended(id);
            }
            Phase::EndingTasks { aborted: false, .. } => {
                component.cancel_tasks();
                self.await_worker_tasks(id, Instant::now() + GRACE);
            }
            Phase::EndingTasks { aborted: true, .. } => self.run_ended(id),
            _ => {}
        }
    }

    /// A periodic run took too long, or a worker did not become ready.
    fn time_out_run(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let planned = &plan.components[id];
        let component = &mut self.components[id];
        let turn = component.turn;
        component.abort_call();
        let error = if component.has_been_up() {
            let run_timeout = match &planned.kind {
                Kind::Worker { policy, .. } => policy.schedule.and_then(|every| every.run_timeout),
                Kind::Resource { .. } => None,
            };
            HookError::TimedOut(run_timeout.unwrap_or_default())
        } else {
            HookError::NotUp(planned.start_timeout)
        };
        self.on_worker_ended(id, turn, Err(error));
    }

    /// A worker that was asked to stop has not ended in its time. It is aborted with its tasks, and has a moment to be
    /// dropped; a thread is abandoned.
    fn abort_run(&mut self, id: Id) {
        let component = &mut self.components[id];
        let waited = show(component.since.elapsed());
        component.cancel_tasks();
        if component.call_is_thread() {
            let error = format!("its thread did not end within {waited}");
            component.unclean(CleanupLayer::Timeout, error);
            component.call = None;
            component.next_turn(Phase::EndingTasks {
                end: None,
                aborted: true,
            });
            self.await_worker_tasks(id, Instant::now() + GRACE);
        } else {
            let error = format!("did not end within {waited}");
            component.unclean(CleanupLayer::Timeout, error);
            component.abort_call();
            self.set_abort_at(id, Instant::now() + GRACE);
        }
    }

    pub(super) fn on_tasks_ended(&mut self, id: Id, turn: Turn) {
        // Another task may have been spawned since: then a further input follows.
        if self.components[id].turn != turn || !self.tasks_have_ended(id) {
            return;
        }
        match self.components[id].phase {
            Phase::EndingTasks { .. } => self.run_ended(id),
            Phase::StoppingTasks { .. } => self.settle(id),
            _ => {}
        }
    }

    /// Function and tasks of a run have ended, or are waited for no longer.
    fn run_ended(&mut self, id: Id) {
        let plan = Arc::clone(&self.plan);
        let Kind::Worker { policy, .. } = &plan.components[id].kind else {
            return;
        };
        let scope = self.scope(id);
        scope.tasks.close();
        let unfinished = scope.tasks.names();
        let component = &mut self.components[id];
        if !unfinished.is_empty() {
            component.unclean(CleanupLayer::Timeout, None);
            component.outcome.unfinished_tasks.extend(unfinished);
        }
        let asked = component.stop_requested;
        match component.take_run_end() {
            // It ended before it was asked to stop. Only its tasks were still awaited, which changes nothing for its policy.
            Some(RunEnd {
                result,
                by_itself: true,
            }) => self.ended_by_itself(id, policy, result),
            end if asked => {
                if let Some(Err(error)) = end.map(|end| end.result) {
                    self.failed_while_stopping(id, policy, &error, false);
                }
                self.worker_ended(id);
            }
            end => self.ended_by_itself(id, policy, end.map_or(Ok(()), |end| end.result)),
        }
    }

    /// What follows a run that ended before the worker was asked to stop is up to its policy.
    fn ended_by_itself(
        &mut self,
        id: Id,
        policy: &BackgroundPolicy,
        result: Result<(), HookError>,
    ) {
        let name = self.name(id);
        if result.is_ok() {
            self.worker_is_up(id);
        }
        let now = Instant::now();
        let history = &mut self.components[id].restart_history;
        let next = history.next(policy, result.is_ok(), now, jitter());
        let error = result.as_ref().err().map(HookError::describe);
        match next {
            Next::Again(after) if !self.drain.begun => {
                match error {
                    Some(error) => self.emit(EventKind::Failed {
                        name,
                        error,
                        retry_in: Some(after),
                    }),
                    None if policy.schedule.is_none() => self.emit(EventKind::Restarting {
                        name,
                        retry_in: after,
                    }),
                    None => {}
                }
                self.schedule_run(id, policy, after);
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
                self.worker_ended_for_good(id);
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

    fn schedule_run(&mut self, id: Id, policy: &BackgroundPolicy, after: Duration) {
        let component = &mut self.components[id];
        component.outcome.restarts += u32::from(policy.schedule.is_none());
        let turn = component.next_turn(Phase::Scheduled);
        self.timers
            .set(Instant::now() + after, Timer::Due { id, turn });
    }

    fn worker_failed(&mut self, id: Id, error: &HookError, on_failure: EndAction) {
        let name = self.name(id);
        self.emit(EventKind::Failed {
            name: Arc::clone(&name),
            error: error.describe(),
            retry_in: None,
        });
        let is_start = !self.history.has_come_up();
        if !is_start {
            let outcome = &mut self.components[id].outcome;
            outcome.errors.push(error.describe());
        }
        self.worker_ended_for_good(id);
        if is_start {
            // An app that never was up fails, whatever `on_failure` says.
            self.start_failed_for_good(id, error);
        } else if on_failure == EndAction::Shutdown {
            self.app_has_failed();
            let root = format!("`{name}` failed: {}", error.describe());
            self.stop_because(Reason::Failed(name), Some(root), error.is_config());
        }
    }

    /// A worker that ended by itself does not run again; it may have been asked to stop in the meantime.
    fn worker_ended_for_good(&mut self, id: Id) {
        if self.components[id].stop_requested {
            self.worker_ended(id);
        } else {
            self.components[id].next_turn(Phase::Ended);
            self.stops.ends.push(id);
        }
    }

    /// Judges the error of a worker whose policy is not asked any more, since the app stops. A disconnect or a cancellation
    /// is what a request to stop provokes; anything else is a failure all the same. One that failed by itself, before it
    /// was asked to stop, has failed, unless it would run again, were the app not stopping.
    pub(super) fn failed_while_stopping(
        &mut self,
        id: Id,
        policy: &BackgroundPolicy,
        error: &HookError,
        by_itself: bool,
    ) {
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
        let component = &mut self.components[id];
        // A periodic run may fail; that it was the last one makes it no worse.
        let history = &component.restart_history;
        if (by_itself || policy.schedule.is_some())
            && history.would_run_again(policy, false, Instant::now())
        {
            return;
        }
        component.outcome.errors.push(error.describe());
        if policy.on_failure == EndAction::Shutdown {
            self.app_has_failed();
        }
    }

    /// Asks the worker to stop, with `allowed` as its time, which it may extend up to `slack`.
    pub(super) fn request_worker_stop(&mut self, id: Id, allowed: Duration, slack: Duration) {
        let now = Instant::now();
        let scope = self.scope(id);
        let component = &mut self.components[id];
        component.stop_requested = true;
        component.since = now;
        component.keep_track();
        match component.phase {
            Phase::Running { .. } => {
                scope.request_stop(now + allowed, now + allowed.max(slack));
                self.set_abort_at(id, now + allowed);
                self.emit(EventKind::Stopping {
                    name: self.name(id),
                    time_limit: allowed,
                });
            }
            // Its tasks have been asked already, but with a time of its own: now others wait for it.
            Phase::EndingTasks { aborted: false, .. } => {
                scope.request_stop(now + allowed, now + allowed.max(slack));
                self.set_abort_at(id, now + allowed);
            }
            Phase::EndingTasks { aborted: true, .. } => {}
            _ => self.worker_ended(id),
        }
    }

    /// A worker that was asked to stop has ended.
    fn worker_ended(&mut self, id: Id) {
        let component = &mut self.components[id];
        component.next_turn(Phase::Ended);
        self.drain.worker_ended();
        self.stops.ends.push(id);
        if component.has_been_up() {
            component.outcome.stopped = Some(component.since.elapsed());
            self.emit_stopped(id);
        }
    }
}
