//! How the driver hears: one event or timer at a time, and what each leads to.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::hook_error::HookError;
use super::input::Input;
use super::driver::{Cause, Life};
use super::timers::Timer;
use crate::api::event::EventKind;
use crate::error::escape::escape;
use crate::life::state::component::Phase;
use crate::life::track::Mark;
use crate::plan::component::Id;
use crate::scope::reason::Reason;

enum Wake {
    Input(Input),
    Emergency,
    Timer(Timer),
}

impl Life {
    /// Takes the next event or timer and reacts to it.
    pub(super) async fn step(&mut self) {
        #[cfg(test)]
        if let Some(event) = super::simulation::interposed() {
            return self.on_input(event);
        }
        match self.next().await {
            Wake::Input(event) => self.on_input(event),
            Wake::Emergency => self.hear_emergency_ends(),
            Wake::Timer(timer) => self.on_timer(timer),
        }
    }

    async fn next(&mut self) -> Wake {
        let first = self.timers.next_at();
        // Where a timer is due, tokio's budget bounds how many events still go first: user code can send them faster
        // than they are looked at.
        if first.is_none_or(|at| at > Instant::now())
            && let Ok(event) = self.events.try_recv()
        {
            return Wake::Input(event);
        }
        self.show();
        let mut news = pin!(self.emergency_news.notified());
        let heard = poll_fn(|task| {
            if news.as_mut().poll(task).is_ready() {
                return Poll::Ready(Wake::Emergency);
            }
            match self.events.poll_recv(task) {
                Poll::Ready(Some(event)) => Poll::Ready(Wake::Input(event)),
                // The driver holds a sender itself, so that the channel never ends.
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        });
        let Some(at) = first else { return heard.await };
        match tokio::time::timeout_at(at, heard).await {
            Ok(wake) => wake,
            Err(_) => match self.timers.pop() {
                Some(timer) => Wake::Timer(timer),
                None => std::future::pending().await,
            },
        }
    }

    pub(super) fn on_input(&mut self, event: Input) {
        match event {
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
                self.counting -= 1;
                self.leaks(id, leaked);
            }
            Input::BodyEnded { result } => self.on_body_ended(result),
            Input::Stop => self.stop_because(Reason::Requested, None, false),
            Input::Fail { name, failure } => {
                self.app_has_failed();
                let error = HookError::Failed(failure);
                let root = format!("`{name}` failed: {}", error.describe());
                self.emit(EventKind::Failed {
                    name: Arc::clone(&name),
                    error: error.describe(),
                    retry_in: None,
                });
                let member = self
                    .members
                    .iter_mut()
                    .find(|member| member.outcome.name == name);
                let outcome = match member {
                    Some(member) => &mut member.outcome,
                    None => self.body_outcome(),
                };
                outcome.errors.push(error.describe());
                self.stop_because(Reason::Failed(name), Some(root), error.is_config());
            }
            Input::Signal(signal) => self.stop_because(Reason::Signal(signal), None, false),
            Input::Forced(signal) => {
                if self.forced.is_none() {
                    self.forced = Some(signal);
                    self.mark(Mark::Forced);
                }
                self.stop_because(Reason::Signal(signal), None, false);
            }
            Input::Hangup => self.on_hangup(),
            Input::Reloaded { id, turn, result } if turn == self.reload_turn => {
                self.on_reloaded(id, result)
            }
            Input::Reloaded { .. } => {}
            // Looked at by whoever waits.
            Input::TaskPanicked { name, task, error } => {
                self.emit(EventKind::TaskPanicked { name, task, error })
            }
            Input::Look(answer) => drop(answer.send(self.so_far())),
            Input::Idle => self.idle_sent.store(false, Ordering::SeqCst),
            Input::TasksGone => {}
        }
    }

    fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Abort { id, turn } if self.members[id].turn == turn => self.on_cut(id),
            Timer::FirstPoll { id, turn } if self.members[id].turn == turn => {
                self.on_slow_first_poll(id)
            }
            Timer::Due { id, turn } if self.members[id].turn == turn => self.on_due(id),
            Timer::Reload { id, turn } if turn == self.reload_turn => self.on_reload_cut(id),
            Timer::Startup if !self.ran && self.cause.is_none() => self.on_startup_timeout(),
            Timer::Drain => self.drain_over = true,
            Timer::PendingWork => self.tell_what_is_left(),
            Timer::EmergencyOver => self.emergency_over = true,
            _ => {}
        }
    }

    /// Sets when the present call of the component is cut.
    pub(super) fn cut_at(&mut self, id: Id, at: Instant) {
        let member = &mut self.members[id];
        member.cut_at = Some(at);
        let turn = member.turn;
        self.timers.set(at, Timer::Abort { id, turn });
    }

    /// The time of a component's present call is over, unless it was changed or the scope got more.
    fn on_cut(&mut self, id: Id) {
        let member = &self.members[id];
        let Some(at) = member.cut_at else { return };
        let extended = match &member.scope {
            // What was cancelled is not given more time.
            Some(scope) if !member.cancelled => {
                scope.abort_at().map_or(at, |extended| extended.max(at))
            }
            _ => at,
        };
        if extended > Instant::now() {
            if extended > at {
                self.cut_at(id, extended);
            }
            return;
        }
        self.members[id].cut_at = None;
        if self.plan.components[id].is_worker() {
            self.on_worker_cut(id);
            return;
        }
        match self.members[id].phase {
            Phase::Starting => self.on_start_cut(id),
            _ => self.on_stop_cut(id),
        }
    }

    /// Fixes cause and deadline; later causes change neither.
    pub(super) fn stop_because(&mut self, reason: Reason, root: Option<String>, config: bool) {
        if self.cause.is_some() {
            return;
        }
        let limits = self.plan.limits;
        let now = Instant::now();
        let deadline = now + limits.shutdown;
        self.marks.push((Mark::Cause, now));
        (self.wiring.on_deadline)(limits.shutdown);
        if config {
            (self.wiring.on_code)(2);
        }
        let _ = self.app.reason.set(reason.clone());
        self.timers.set(
            deadline - limits.emergency.min(limits.shutdown),
            Timer::Wake,
        );
        self.emit(EventKind::ShutdownBegan {
            reason: reason.clone(),
            time_limit: limits.shutdown,
        });
        self.cause = Some(Cause {
            reason,
            root: root.as_deref().map(escape),
            config,
            deadline,
        });
        // Not ready comes first: nobody is told to stop while load balancers still look this way.
        self.show();
    }

    /// The exit code will be 1, unless the configuration is what is wrong.
    pub(super) fn app_has_failed(&mut self) {
        self.app_failed = true;
        if !self.cause.as_ref().is_some_and(|cause| cause.config) {
            (self.wiring.on_code)(1);
        }
    }

    /// Whether what was planned must be left: only the emergency layer remains. By the clock, not by a timer of which the
    /// driver may hear late, and also where the watchdog was faster: who got its emergency hook is not stopped after it.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_zero() || self.is_forced()
    }

    /// Whether somebody else has begun the emergency layer: a signal, or the watchdog.
    pub(super) fn is_forced(&self) -> bool {
        self.forced.is_some() || self.emergency.has_begun()
    }

    /// The time before the emergency reserve.
    pub(super) fn left(&self) -> Duration {
        let reserve = self.plan.limits.emergency;
        self.cause
            .as_ref()
            .map_or(self.plan.limits.shutdown, |cause| {
                cause.deadline.saturating_duration_since(Instant::now())
            })
            .saturating_sub(reserve)
    }
}
