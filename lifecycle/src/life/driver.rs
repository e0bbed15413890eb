//! [`Life`]: the driver that owns all state, takes inputs and timers one at a time, and never runs user code itself.
//!
//! Invariants:
//!
//! 1. State has one owner, the driver's task: no locks, no races between phases. User code runs in tasks and threads of
//!    its own ([`Call`]) and reports by an input.
//! 2. An input or timer of an earlier turn of a component is stale and ignored, except an instance that came up late:
//!    it is dropped off the driver.
//! 3. The deadline is fixed once, at the first cause to stop.
//! 4. The driver waits for nothing without a timer that ends the wait.
//!
//! Here are the struct and what all phases use; the phases are methods in files of their own, which this one does not
//! import.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::body::BodyLink;
use super::call::{Call, guard};
use super::hook_error::HookError;
use super::input::Input;
use super::outcome::{ComponentOutcome, Outcome, SoFar};
use super::span::{CallPhase, CallSpan};
use super::timers::{Timer, Timers};
use crate::api::event::{EventKind, Observer};
use crate::api::hook::{Hook, Instance, StartContext};
use crate::api::record::HookKind;
use crate::api::shutdown::Shutdown;
use crate::life::emergency::Emergency;
use crate::life::foreign_wakers;
use crate::life::hook_threads::HookThreads;
use crate::life::instances::Instances;
use crate::life::state::body::BodyState;
use crate::life::state::component::ComponentState;
use crate::life::state::drain::Drain;
use crate::life::state::emergency::EmergencyState;
use crate::life::state::event_buffer::EventBuffer;
use crate::life::state::history::History;
use crate::life::state::reload::Reload;
use crate::life::state::shutdown::ShutdownState;
use crate::life::state::starts::Starts;
use crate::life::state::stops::Stops;
use crate::life::track::{Mark, Track};
use crate::plan::Plan;
use crate::plan::component::Id;
use crate::scope::admission::Admission;
use crate::scope::reason::Reason;
use crate::scope::waiters::Latch;
use crate::scope::{AppRequest, AppState, Scope};

/// How long an aborted future or task may take to be dropped before it is reported as one that did not end.
pub(super) const GRACE: Duration = Duration::from_millis(50);

/// How the life of an app is wired to what is around it.
pub(crate) struct Wiring {
    pub(crate) runtime: runtime::Handle,
    pub(crate) observer: Observer,
    pub(crate) body: Option<BodyLink>,
    /// Gets a value when the app is up.
    pub(crate) up: Option<oneshot::Sender<()>>,
    /// Called when the deadline is fixed, with the time until then.
    pub(crate) on_deadline: Box<dyn Fn(Duration) + Send>,
    /// Called when the exit code becomes known, should the watchdog have to end the process.
    pub(crate) on_code: Box<dyn Fn(i32) + Send>,
}

/// The driver of one life.
pub(crate) struct Life {
    pub(super) plan: Arc<Plan>,
    pub(super) app: Arc<AppState>,
    pub(super) app_scope: Arc<Scope>,
    pub(super) instances: Arc<Instances>,
    pub(super) threads: HookThreads,
    pub(super) inputs: mpsc::UnboundedReceiver<Input>,
    pub(super) sender: mpsc::UnboundedSender<Input>,
    pub(super) timers: Timers,
    pub(super) events: EventBuffer,
    pub(super) history: History,
    pub(super) components: Vec<ComponentState>,
    pub(super) body: BodyState,
    pub(super) starts: Starts,
    pub(super) reload: Reload,
    pub(super) shutdown: ShutdownState,
    pub(super) drain: Drain,
    pub(super) stops: Stops,
    pub(super) emergency: EmergencyState,
}

/// The handles of a life that its driver does not keep to itself.
pub(crate) struct Handles {
    pub(crate) events: mpsc::UnboundedSender<Input>,
    pub(crate) emergency: Emergency,
    /// Notified when an emergency hook has ended, or all are through.
    pub(crate) emergency_news: Arc<Notify>,
    pub(crate) inside: Inside,
}

/// What viewers may look into, beyond the events that they get.
#[derive(Clone)]
#[cfg_attr(
    not(feature = "admin"),
    allow(dead_code, reason = "only probes and metrics look at all of it")
)]
pub(crate) struct Inside {
    pub(crate) instances: Arc<Instances>,
    pub(crate) app: Arc<AppState>,
    pub(crate) threads: HookThreads,
}

impl Life {
    /// Makes what is needed later while there is plenty of everything: scopes, emergency threads, a spare thread.
    pub(crate) fn new(plan: Arc<Plan>, wiring: Wiring) -> std::io::Result<(Self, Handles)> {
        let (sender, inputs) = mpsc::unbounded_channel();
        let drain = Drain::default();
        let threads = HookThreads::new(wiring.runtime.clone());
        let app = app_state(wiring.runtime, &threads, &sender, &drain);
        // In stop order: the reverse of a start order.
        let slots: Vec<Id> = plan
            .graph
            .start_order()
            .iter()
            .rev()
            .copied()
            .filter(|id| plan.components[*id].has(HookKind::Emergency))
            .collect();
        let emergency = EmergencyState::new(slots, plan.limits.emergency)?;
        let history = History::new();
        let mut components: Vec<ComponentState> = plan
            .components
            .iter()
            .map(|component| ComponentState::new(component, history.began))
            .collect();
        for (slot, id) in emergency.slots() {
            components[id].slot = Some(slot);
        }
        let instances = Arc::new(Instances::default());
        let handles = Handles {
            events: sender.clone(),
            emergency: emergency.hooks.handle(),
            emergency_news: Arc::clone(&emergency.news),
            inside: Inside {
                app: Arc::clone(&app),
                instances: Arc::clone(&instances),
                threads: threads.clone(),
            },
        };
        let life = Self {
            app_scope: Scope::new(plan.name.as_str().into(), Arc::clone(&app)),
            app,
            instances,
            threads,
            inputs,
            sender,
            timers: Timers::default(),
            events: EventBuffer::new(wiring.observer),
            history,
            components,
            body: BodyState::new(wiring.body),
            starts: Starts::new(wiring.up),
            reload: Reload::default(),
            shutdown: ShutdownState::new(wiring.on_deadline, wiring.on_code),
            drain,
            stops: Stops::default(),
            emergency,
            plan,
        };
        Ok((life, handles))
    }

    /// The handle of the app's own scope.
    pub(crate) fn shutdown(&self) -> Shutdown {
        Shutdown::new(Arc::clone(&self.app_scope))
    }

    /// Leads the whole life, to its report.
    pub(crate) async fn run(mut self) -> Outcome {
        for warning in self.plan.warnings.clone() {
            self.emit(EventKind::Warning { message: warning });
        }
        self.history.begin();
        self.start_up().await;
        if !self.shutdown.is_requested() {
            self.run_until_stopped().await;
        }
        self.tear_down().await;
        self.note_hooks_of_the_watchdog();
        self.events.flush();
        self.history.mark(Mark::End);
        let outcome = self.outcome_at(Instant::now(), true);
        // What remains holds user values: instances of abandoned components, provided ones, closures.
        let threads = self.threads.clone();
        let remaining = self.instances.clear();
        threads.run(move || {
            // Each by itself: a destructor's panic during that of another one would end the process.
            for instance in remaining {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(instance)));
            }
            self.emergency.hooks.clear();
            drop(self);
        });
        outcome
    }

    pub(super) fn emit(&mut self, kind: EventKind) {
        self.events.push(kind);
    }

    pub(super) fn name(&self, id: Id) -> Arc<str> {
        Arc::clone(&self.plan.components[id].name)
    }

    pub(super) fn scope(&mut self, id: Id) -> Arc<Scope> {
        let name = self.name(id);
        let app = &self.app;
        Arc::clone(
            self.components[id]
                .scope
                .get_or_insert_with(|| Scope::new(name, Arc::clone(app))),
        )
    }

    /// What the `start` or the function of the component gets.
    pub(super) fn context(&mut self, id: Id) -> StartContext {
        let plan = Arc::clone(&self.plan);
        let component = &plan.components[id];
        let instances = component
            .takes
            .iter()
            .filter_map(|(key, source)| Some((*key, self.instances.get(source)?)))
            .collect();
        StartContext {
            name: Arc::clone(&component.name),
            instances,
            scope: self.scope(id),
            ready: None,
        }
    }

    /// The component's own instance, while it is up.
    pub(super) fn instance(&self, id: Id) -> Option<Instance> {
        self.instances.up(id)
    }

    /// Calls the component's code, within the span of the call.
    pub(super) fn begin_call<T, M, C>(&mut self, id: Id, make: M, phase: CallPhase, then: C)
    where
        T: Send + 'static,
        M: FnOnce() -> Hook<T> + Send + 'static,
        C: FnOnce(Result<T, HookError>) + Send + 'static,
    {
        let scope = self.components[id].scope.clone();
        self.components[id].call = self.call(id, make, phase, scope, then);
    }

    /// Makes a hook of the component, and calls it. What is written by hand is made on a thread: it may block, or panic.
    pub(super) fn call<T, M, C>(
        &self,
        id: Id,
        make: M,
        phase: CallPhase,
        scope: Option<Arc<Scope>>,
        then: C,
    ) -> Option<Call>
    where
        T: Send + 'static,
        M: FnOnce() -> Hook<T> + Send + 'static,
        C: FnOnce(Result<T, HookError>) + Send + 'static,
    {
        let span = CallSpan::new(self.name(id), phase, scope);
        let (runtime, threads) = (&self.app.runtime, &self.threads);
        if !self.plan.components[id].is_expanded {
            return Some(Call::begin_made(make, span, runtime, threads, then));
        }
        match guard(make) {
            Ok(hook) => Some(Call::begin(hook, span, runtime, threads, then)),
            Err(panic) => {
                then(Err(panic));
                None
            }
        }
    }

    /// Sets when the time of the component's present phase is over.
    pub(super) fn set_abort_at(&mut self, id: Id, at: Instant) {
        let component = &mut self.components[id];
        component.abort_at = Some(at);
        let turn = component.turn;
        self.timers.set(at, Timer::Abort { id, turn });
    }

    /// Whether the scope of the component has no tasks. If it has, an input follows when the last one has ended.
    pub(super) fn tasks_have_ended(&mut self, id: Id) -> bool {
        let turn = self.components[id].turn;
        let sender = self.sender.clone();
        let Some(scope) = &self.components[id].scope else {
            return true;
        };
        scope
            .tasks
            .close_or(move || drop(sender.send(Input::TasksEnded { id, turn })))
    }

    /// Drops user values where their destructors hold up nothing.
    pub(super) fn drop_aside<T: Send + 'static>(&self, value: T) {
        self.threads.run(move || drop(value));
    }

    /// The exit code will be 1, unless the configuration is what is wrong.
    pub(super) fn app_has_failed(&mut self) {
        self.shutdown.app_has_failed();
    }

    /// Whether the graceful stop must end: only the emergency layer remains. By the clock, not by a timer that the driver
    /// may see late, and also where the watchdog was faster: a component whose emergency hook was called is not stopped
    /// after it.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.remaining().is_zero() || self.emergency_has_begun()
    }

    /// Whether a signal, a call of `exit` or the watchdog has begun the emergency layer.
    pub(super) fn emergency_has_begun(&self) -> bool {
        self.shutdown.is_forced() || self.emergency.hooks.has_begun()
    }

    /// The time before the emergency reserve.
    pub(super) fn remaining(&self) -> Duration {
        self.shutdown.remaining(&self.plan.limits)
    }

    /// The report of a life that goes on.
    pub(super) fn so_far(&self) -> SoFar {
        let now = Instant::now();
        SoFar {
            outcome: self.outcome_at(now, false),
            age: now.saturating_duration_since(self.history.began),
            in_flight: self.app.admission.in_flight(),
        }
    }

    /// What the life has come to, and what each component did up to now; `has_ended`: nothing more follows.
    fn outcome_at(&self, now: Instant, has_ended: bool) -> Outcome {
        let began = self.history.began;
        let stopped_at = self.history.marked(Mark::Cause);
        let with_spans = |outcome: &ComponentOutcome, track: &Track| ComponentOutcome {
            spans: track.spans(began, stopped_at, has_ended.then_some(now)),
            ..outcome.clone()
        };
        let body = self.body.reported(with_spans);
        let mut components = Vec::with_capacity(self.components.len());
        let mut seen = vec![false; self.components.len()];
        let ends = self.stops.ends.iter().copied();
        for id in ends.chain(0..self.components.len()) {
            if !std::mem::replace(&mut seen[id], true) {
                let component = &self.components[id];
                // The watchdog may have called its hook without the driver.
                let slot = component.slot;
                let called = slot.and_then(|slot| self.emergency.hooks.times(slot).0);
                let mut track = Cow::Borrowed(&component.track);
                if let Some(called) = called {
                    track.to_mut().emergency(called.into(), now);
                }
                components.push(ComponentOutcome {
                    start_after: component.start_after.map(|id| self.name(id)),
                    stop_after: component.stop_after.map(|id| self.name(id)),
                    ..with_spans(&component.outcome, &track)
                });
            }
        }
        let cause = self.shutdown.cause();
        let unclean = !self.drain.aborted_work.is_empty()
            || components
                .iter()
                .chain(&body)
                .any(|outcome| outcome.unclean);
        Outcome {
            app: self.plan.name.clone(),
            reason: cause.map_or(Reason::Requested, |cause| cause.reason.clone()),
            root: cause.and_then(|cause| cause.root.clone()),
            ran: self.history.has_come_up(),
            exit_code: self.shutdown.exit_code(unclean),
            startup: self.history.startup(),
            // More than the limit, where the process was stopped over its deadline.
            shutdown: stopped_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at)),
            limit: self.plan.limits.shutdown,
            reserve: self.plan.limits.emergency,
            forced: self.shutdown.forced(),
            aborted_work: self.drain.aborted_work.clone(),
            began: self.history.began_at,
            marks: self.history.offsets(self.shutdown.deadline()),
            body,
            components,
        }
    }
}

/// What the scopes of the app share: from them the driver gets requests, and that nothing is in flight any more.
fn app_state(
    runtime: runtime::Handle,
    threads: &HookThreads,
    sender: &mpsc::UnboundedSender<Input>,
    drain: &Drain,
) -> Arc<AppState> {
    let threads = threads.clone();
    let idle = sender.clone();
    let sender = sender.clone();
    let asked = AtomicBool::new(false);
    Arc::new(AppState {
        runtime,
        reason: std::sync::OnceLock::new(),
        admission: Admission::new(drain.on_idle(move || drop(idle.send(Input::Idle)))),
        lame_duck: Latch::new(),
        wake: Box::new(move |wakers| foreign_wakers::wake(&threads, wakers)),
        ask: Box::new(move |request| {
            let input = match request {
                // One is enough: user code may ask as often as it likes, and must not fill the queue.
                AppRequest::Stop if asked.swap(true, Ordering::SeqCst) => return,
                AppRequest::Stop => Input::Stop,
                AppRequest::Fail(name, failure) => Input::Fail { name, failure },
                AppRequest::ReportPanic { scope, task, error } => Input::TaskPanicked {
                    name: scope,
                    task,
                    error,
                },
            };
            let _ = sender.send(input);
        }),
    })
}

impl Drop for Life {
    fn drop(&mut self) {
        // The driver's own panic must not take the emergency hooks with it.
        if !std::thread::panicking() {
            self.threads.close();
            self.emergency.hooks.close();
        }
    }
}
