//! The driver's loop: one input or timer at a time, and the method that reacts to it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::driver::Life;
use super::hook_error::HookError;
use super::input::Input;
use super::timers::Timer;
use crate::api::event::EventKind;
use crate::life::track::Mark;
use crate::plan::component::Id;
use crate::scope::reason::Reason;

enum Wake {
    Input(Input),
    Emergency,
    Timer(Timer),
}

impl Life {
    /// Takes the next input or timer and reacts to it.
    pub(super) async fn step(&mut self) {
        #[cfg(test)]
        if let Some(input) = super::simulation::interposed() {
            return self.on_input(input);
        }
        match self.next().await {
            Wake::Input(input) => self.on_input(input),
            Wake::Emergency => self.take_emergency_ends(),
            Wake::Timer(timer) => self.on_timer(timer),
        }
    }

    async fn next(&mut self) -> Wake {
        let first = self.timers.next_at();
        // An input that is there goes first, without any of what follows. Not where a timer is due: below, tokio's budget
        // bounds how many inputs still go before it, since user code can send them faster than they are handled.
        if first.is_none_or(|at| at > Instant::now())
            && let Ok(input) = self.inputs.try_recv()
        {
            return Wake::Input(input);
        }
        self.events.flush();
        let mut news = pin!(self.emergency.news.notified());
        let next = poll_fn(|task| {
            if news.as_mut().poll(task).is_ready() {
                return Poll::Ready(Wake::Emergency);
            }
            match self.inputs.poll_recv(task) {
                Poll::Ready(Some(input)) => Poll::Ready(Wake::Input(input)),
                // The driver holds a sender itself, so that the channel never ends.
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        });
        let Some(at) = first else { return next.await };
        match tokio::time::timeout_at(at, next).await {
            Ok(wake) => wake,
            Err(_) => match self.timers.pop() {
                Some(timer) => Wake::Timer(timer),
                None => std::future::pending().await,
            },
        }
    }

    /// Takes the inputs that have come by now, and waits for none.
    pub(super) fn take_pending_inputs(&mut self) {
        // Counted first: what these inputs lead to may send further ones.
        for _ in 0..self.inputs.len() {
            if let Ok(input) = self.inputs.try_recv() {
                self.on_input(input);
            }
        }
    }

    fn on_input(&mut self, input: Input) {
        match input {
            Input::Started { id, turn, result } => self.on_started(id, turn, result),
            Input::WorkerUp { id, turn } => self.on_worker_up(id, turn),
            Input::WorkerEnded { id, turn, result } => self.on_worker_ended(id, turn, result),
            Input::StopEnded { id, turn, result } => self.on_stop_ended(id, turn, result),
            Input::TasksEnded { id, turn } => self.on_tasks_ended(id, turn),
            Input::Dropped {
                id,
                turn,
                leaked,
                panic,
            } => self.on_dropped(id, turn, leaked, panic),
            Input::Counted { id, leaked } => {
                self.emergency.counting -= 1;
                self.leaks(id, leaked);
            }
            Input::BodyEnded { result } => self.on_body_ended(result),
            Input::Stop => self.stop_because(Reason::Requested, None, false),
            Input::Fail { name, failure } => self.on_fail(name, &HookError::Failed(failure)),
            Input::Signal(signal) => self.stop_because(Reason::Signal(signal), None, false),
            Input::Forced(signal) => {
                if self.shutdown.force(signal) {
                    self.history.mark(Mark::Forced);
                }
                // It may be the first cause to stop.
                self.stop_because(Reason::Signal(signal), None, false);
            }
            Input::Exited(code) => {
                self.shutdown.exit(code);
                self.stop_because(Reason::Exited(code), None, false);
            }
            Input::Hangup => self.on_hangup(),
            Input::Reloaded { id, turn, result } if self.reload.is_turn(turn) => {
                self.on_reloaded(id, result)
            }
            Input::Reloaded { .. } => {}
            Input::TaskPanicked { name, task, error } => {
                self.emit(EventKind::TaskPanicked { name, task, error })
            }
            Input::Look(answer) => drop(answer.send(self.so_far())),
            // The loop that waits for these looks after each step.
            Input::Idle => self.drain.idle_seen(),
            Input::TasksGone => {}
        }
    }

    fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Abort { id, turn } if self.components[id].turn == turn => self.on_abort(id),
            Timer::FirstPoll { id, turn } if self.components[id].turn == turn => {
                self.on_slow_first_poll(id)
            }
            Timer::Due { id, turn } if self.components[id].turn == turn => self.on_due(id),
            Timer::Reload { id, turn } if self.reload.is_turn(turn) => self.on_reload_timeout(id),
            Timer::Startup if !self.history.has_come_up() && !self.shutdown.is_requested() => {
                self.on_startup_timeout()
            }
            Timer::Drain => self.drain.over = true,
            Timer::PendingWork => self.report_pending_work(),
            Timer::EmergencyOver => self.emergency.over = true,
            // `Wake` is for the loop that has set it; the others are stale.
            _ => {}
        }
    }

    /// The time of a component's present phase is over, unless its end was moved or the scope was extended.
    fn on_abort(&mut self, id: Id) {
        let component = &self.components[id];
        let Some(at) = component.abort_at else { return };
        let extended = match &component.scope {
            Some(scope) if !component.is_aborted() => {
                scope.abort_at().map_or(at, |extended| extended.max(at))
            }
            // What was cancelled gets no more time.
            _ => at,
        };
        if extended > Instant::now() {
            // Where it was only moved, the timer of the new instant is set already.
            if extended > at {
                self.set_abort_at(id, extended);
            }
            return;
        }
        self.components[id].abort_at = None;
        if self.plan.components[id].is_worker() {
            self.on_worker_timeout(id);
        } else if self.components[id].is_starting() {
            self.on_start_timeout(id);
        } else {
            self.on_stop_timeout(id);
        }
    }

    /// A handle has reported that the app cannot go on.
    fn on_fail(&mut self, name: Arc<str>, error: &HookError) {
        self.app_has_failed();
        let root = format!("`{name}` failed: {}", error.describe());
        self.emit(EventKind::Failed {
            name: Arc::clone(&name),
            error: error.describe(),
            retry_in: None,
        });
        let mut components = self.components.iter_mut();
        let component = components.find(|component| component.outcome.name == name);
        let outcome = match component {
            Some(component) => &mut component.outcome,
            None => self.body.outcome(),
        };
        outcome.errors.push(error.describe());
        self.stop_because(Reason::Failed(name), Some(root), error.is_config());
    }

    /// Fixes cause and deadline; later causes change neither.
    pub(super) fn stop_because(&mut self, reason: Reason, root: Option<String>, config: bool) {
        if self.shutdown.is_requested() {
            return;
        }
        let limits = self.plan.limits;
        let now = Instant::now();
        self.history.mark_at(Mark::Cause, now);
        let (cause, root) = (reason.clone(), root.as_deref());
        let deadline = self
            .shutdown
            .begin(cause, root, config, now, limits.shutdown);
        let _ = self.app.reason.set(reason.clone());
        self.timers.set(
            deadline - limits.emergency.min(limits.shutdown),
            Timer::Wake,
        );
        self.emit(EventKind::ShutdownBegan {
            reason,
            time_limit: limits.shutdown,
        });
        // Readiness ends first: no component is asked to stop while load balancers still send requests.
        self.events.flush();
    }
}
