//! The life of an app: one driver that owns all state, hears events and timers one at a time, and never runs user code
//! itself.
//!
//! Invariants:
//!
//! 1. State has one owner, the driver's task: no locks, no races between phases. User code runs in tasks and threads of
//!    its own ([`event::Call`]) and reports by event.
//! 2. An event or timer of an earlier turn of a component is stale and ignored, except an instance that came up late:
//!    it is dropped off the driver.
//! 3. The deadline is fixed once, at the first cause to stop.
//! 4. The driver waits for nothing without a timer that ends the wait.

pub(crate) mod body;
pub(crate) mod call;
mod component_state;
mod dispatch;
pub(crate) mod emergency;
mod emergency_phase;
pub(crate) mod hook_error;
pub(crate) mod hook_threads;
pub(crate) mod input;
mod instances;
#[cfg(any(feature = "admin", all(feature = "systemd", target_os = "linux")))]
pub(crate) mod liveness;
pub(crate) mod outcome;
pub(crate) mod restart;
mod running;
#[cfg(test)]
mod simulation;
pub(crate) mod span;
mod startup;
mod stop;
mod teardown;
pub(crate) mod track;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::runtime;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use self::call::Call;
use self::hook_error::HookError;
use self::input::{Input, Turn};
use self::outcome::{ComponentOutcome, Outcome, SoFar};
use self::span::{CallPhase, CallSpan};
use crate::api::event::{Event, EventKind, Observer, PendingWork};
use crate::api::hook::{Hook, StartContext};
use crate::api::record::HookKind;
use crate::api::shutdown::Shutdown;
use crate::life::component_state::Member;
use crate::life::dispatch::Timer;
use crate::life::emergency::Emergency;
use crate::life::hook_threads::HookThreads;
pub(crate) use crate::life::instances::Instances;
use crate::life::track::{Mark, Track};
use crate::plan::Plan;
use crate::plan::component::Id;
use crate::scope::admission::Admission;
use crate::scope::reason::Reason;
use crate::scope::{AppRequest, AppState, Scope};

/// How long an aborted future or task may take to be dropped before it is named as one that resists.
const GRACE: Duration = Duration::from_millis(50);

/// How many notices are kept back at most.
const MOST_UNOBSERVED: usize = 64;

/// What the emergency hooks get when nobody began them in time.
pub(crate) const LATE: Duration = Duration::from_millis(100);

/// What they get when their time went by while the process was stopped or the machine asleep: their reserve, within
/// bounds.
pub(crate) fn late(reserve: Duration) -> Duration {
    reserve.clamp(LATE, Duration::from_secs(1))
}

/// How the driver reaches main's body, which lives outside: a future that need not be `Send`.
pub(crate) struct BodyLink {
    pub(crate) start: oneshot::Sender<StartContext>,
    /// Dropped to tell the body's future to drop.
    #[expect(dead_code, reason = "it is the drop that tells")]
    pub(crate) cut: oneshot::Sender<()>,
}

/// The first cause to stop.
struct Cause {
    reason: Reason,
    root: Option<String>,
    config: bool,
    deadline: Instant,
}

/// How the life of an app is wired to what is around it.
pub(crate) struct Wiring {
    pub(crate) runtime: runtime::Handle,
    pub(crate) observer: Observer,
    pub(crate) body: Option<BodyLink>,
    /// Told when the app is up.
    pub(crate) up: Option<oneshot::Sender<()>>,
    /// Called when the deadline is fixed, with the time until then.
    pub(crate) on_deadline: Box<dyn Fn(Duration) + Send>,
    /// Called when the exit code becomes known, should somebody else have to end the process.
    pub(crate) on_code: Box<dyn Fn(i32) + Send>,
}

/// The driver of one life.
pub(crate) struct Life {
    plan: Arc<Plan>,
    app: Arc<AppState>,
    app_scope: Arc<Scope>,
    store: Arc<Instances>,
    threads: HookThreads,
    emergency: Emergency,
    /// A hook has ended, or all are through: no event, since to send one takes memory.
    emergency_news: Arc<Notify>,
    members: Vec<Member>,
    /// Which component has which emergency hook.
    slots: Vec<Id>,
    events: mpsc::UnboundedReceiver<Input>,
    sender: mpsc::UnboundedSender<Input>,
    timers: BinaryHeap<Reverse<(Instant, u64, Timer)>>,
    timer_count: u64,
    wiring: Wiring,
    began: Instant,
    began_at: SystemTime,
    marks: Vec<(Mark, Instant)>,
    /// Not yet shown.
    unobserved: Vec<Event>,
    startup_took: Duration,
    ran: bool,
    cause: Option<Cause>,
    forced: Option<i32>,
    draining: bool,
    /// Starts that are being waited for.
    starting: usize,
    /// Who came up last.
    last_up: Option<Id>,
    /// Workers of the group that has been told last and that have not ended.
    group_left: usize,
    /// Resources that have not ended, while stopping.
    stopping_left: usize,
    /// For each node of the graph, how many it still waits for: what it needs while starting, what needs it while
    /// stopping.
    waits: Vec<u32>,
    /// Nodes that nothing keeps from stopping any more.
    stoppable: Vec<usize>,
    body_running: bool,
    body_told_at: Option<Instant>,
    body_cut_at: Option<Instant>,
    /// The line of main's body in the report, where there is something to say.
    body: Option<ComponentOutcome>,
    body_track: Option<Track>,
    drain_over: bool,
    /// What of it has been told last.
    drain_left: PendingWork,
    app_failed: bool,
    cut_work: Vec<(Arc<str>, u64)>,
    emergency_left: Duration,
    emergency_over: bool,
    /// How many are being asked what they have lent out, of those that are left behind.
    counting: usize,
    /// Ids in the order in which they ended.
    ends: Vec<Id>,
    reloading: Vec<Id>,
    reload_wanted: bool,
    /// Which reload is under way: the end of an earlier one is stale.
    reload_turn: Turn,
    /// That nothing is in flight has been sent, and not been looked at.
    idle_sent: Arc<AtomicBool>,
}

/// The handles of a life that its driver does not keep to itself.
pub(crate) struct Handles {
    pub(crate) events: mpsc::UnboundedSender<Input>,
    pub(crate) emergency: Emergency,
    /// Told when there is something new of them.
    pub(crate) emergency_news: Arc<Notify>,
    pub(crate) inside: Inside,
}

/// What whoever watches may look into, beyond what it is told.
#[derive(Clone)]
#[cfg_attr(
    not(feature = "admin"),
    allow(dead_code, reason = "only probes and metrics look at all of it")
)]
pub(crate) struct Inside {
    pub(crate) store: Arc<Instances>,
    pub(crate) app: Arc<AppState>,
    pub(crate) threads: HookThreads,
}

impl Life {
    /// Makes what is needed later while there is plenty of everything: scopes, emergency threads, a spare thread.
    pub(crate) fn new(plan: Arc<Plan>, wiring: Wiring) -> std::io::Result<(Self, Handles)> {
        let (sender, events) = mpsc::unbounded_channel();
        let ask = sender.clone();
        let idle = sender.clone();
        let idle_sent = Arc::new(AtomicBool::new(false));
        let idle_flag = Arc::clone(&idle_sent);
        let asked = AtomicBool::new(false);
        let app = Arc::new(AppState {
            runtime: wiring.runtime.clone(),
            reason: std::sync::OnceLock::new(),
            // One at a time: refused admissions, too, come to nothing in flight again and again.
            admission: Admission::new(move || {
                if !idle_flag.swap(true, Ordering::SeqCst) {
                    let _ = idle.send(Input::Idle);
                }
            }),
            lame_duck: watch::Sender::new(false),
            ask: Box::new(move |what| match what {
                AppRequest::Stop if asked.swap(true, Ordering::SeqCst) => {}
                AppRequest::Stop => drop(ask.send(Input::Stop)),
                AppRequest::Fail(name, failure) => drop(ask.send(Input::Fail { name, failure })),
                AppRequest::ReportPanic { scope, task, error } => {
                    drop(ask.send(Input::TaskPanicked {
                        name: scope,
                        task,
                        error,
                    }))
                }
            }),
        });
        // In stop order: the reverse of a start order.
        let slots: Vec<Id> = plan
            .graph
            .start_order()
            .iter()
            .rev()
            .copied()
            .filter(|id| plan.components[*id].has(HookKind::Emergency))
            .collect();
        let emergency_news = Arc::new(Notify::new());
        let news = Arc::clone(&emergency_news);
        let emergency = Emergency::new(slots.len(), move || news.notify_one())?;
        let now = Instant::now();
        let mut members: Vec<Member> = plan
            .components
            .iter()
            .map(|component| Member::new(component, now))
            .collect();
        for (slot, id) in slots.iter().enumerate() {
            members[*id].slot = Some(slot);
        }
        let store = Arc::new(Instances::default());
        let threads = HookThreads::new(wiring.runtime.clone());
        let handles = Handles {
            events: sender.clone(),
            emergency: emergency.handle(),
            emergency_news: Arc::clone(&emergency_news),
            inside: Inside {
                app: Arc::clone(&app),
                store: Arc::clone(&store),
                threads: threads.clone(),
            },
        };
        let life = Self {
            app_scope: Scope::new(plan.name.as_str().into(), Arc::clone(&app)),
            app,
            store,
            threads,
            emergency,
            emergency_news,
            members,
            slots,
            events,
            sender,
            timers: BinaryHeap::new(),
            timer_count: 0,
            body_running: false,
            wiring,
            began: now,
            began_at: SystemTime::now(),
            marks: Vec::new(),
            unobserved: Vec::new(),
            startup_took: Duration::ZERO,
            ran: false,
            cause: None,
            forced: None,
            draining: false,
            starting: 0,
            last_up: None,
            group_left: 0,
            stopping_left: 0,
            waits: Vec::new(),
            stoppable: Vec::new(),
            body_told_at: None,
            body_cut_at: None,
            body: None,
            body_track: None,
            drain_over: false,
            drain_left: PendingWork::default(),
            app_failed: false,
            cut_work: Vec::new(),
            emergency_left: plan.limits.emergency,
            emergency_over: false,
            counting: 0,
            ends: Vec::new(),
            reloading: Vec::new(),
            reload_wanted: false,
            reload_turn: 0,
            idle_sent,
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
        self.began = Instant::now();
        self.began_at = SystemTime::now();
        self.start_up().await;
        if self.cause.is_none() {
            self.run_until_stopped().await;
        }
        self.tear_down().await;
        self.hear_of_hooks_that_others_began();
        self.show();
        let outcome = self.outcome();
        // What is left holds user values: instances that were left behind, provided ones, closures.
        let threads = self.threads.clone();
        let left_behind = self.store.clear();
        threads.run(move || {
            // Each by itself: a destructor's panic that met another's would end the process.
            for instance in left_behind {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(instance)));
            }
            self.emergency.clear();
            drop(self);
        });
        outcome
    }

    fn emit(&mut self, kind: EventKind) {
        self.unobserved
            .push(Event::new(Instant::now().into_std(), kind));
        if self.unobserved.len() == MOST_UNOBSERVED {
            self.show();
        }
    }

    /// Passes on what there is to see: as a rule when the driver has nothing else to do, so that waking whoever watches
    /// holds up nobody.
    fn show(&mut self) {
        for event in self.unobserved.drain(..) {
            (self.wiring.observer)(event);
        }
    }

    fn mark(&mut self, mark: Mark) {
        self.marks.push((mark, Instant::now()));
    }

    fn marked(&self, mark: Mark) -> Option<Instant> {
        let found = self.marks.iter().find(|(other, _)| *other == mark);
        found.map(|(_, at)| *at)
    }

    fn name(&self, id: Id) -> Arc<str> {
        Arc::clone(&self.plan.components[id].name)
    }

    fn scope(&mut self, id: Id) -> Arc<Scope> {
        let name = self.name(id);
        let app = &self.app;
        Arc::clone(
            self.members[id]
                .scope
                .get_or_insert_with(|| Scope::new(name, Arc::clone(app))),
        )
    }

    /// What the component is handed.
    fn context(&mut self, id: Id) -> StartContext {
        let plan = Arc::clone(&self.plan);
        let component = &plan.components[id];
        let instances = component
            .takes
            .iter()
            .filter_map(|(key, source)| Some((*key, self.store.get(source)?)))
            .collect();
        StartContext {
            name: Arc::clone(&component.name),
            instances,
            scope: self.scope(id),
            ready: None,
        }
    }

    /// Calls the component's code, within the span of the call.
    fn begin_call<T, C>(&mut self, id: Id, hook: Hook<T>, phase: CallPhase, then: C)
    where
        T: Send + 'static,
        C: FnOnce(Result<T, HookError>) + Send + 'static,
    {
        let span = CallSpan::new(self.name(id), phase, self.members[id].scope.clone());
        let call = Call::begin(hook, span, &self.wiring.runtime, &self.threads, then);
        self.members[id].call = Some(call);
    }

    /// Whether the scope of the component has no tasks; if it has, an event will tell.
    fn tasks_are_over(&mut self, id: Id) -> bool {
        let turn = self.members[id].turn;
        let sender = self.sender.clone();
        let Some(scope) = &self.members[id].scope else {
            return true;
        };
        scope
            .tasks
            .close_or(move || drop(sender.send(Input::TasksEnded { id, turn })))
    }

    /// Cancels the tasks of the component that did not end in its time.
    fn cancel_scope(&mut self, id: Id) {
        let member = &mut self.members[id];
        member.cancelled = true;
        if let Some(scope) = &member.scope {
            member.outcome.cancel_tasks(scope);
        }
    }

    /// Drops user values where their destructors hold up nobody.
    fn drop_aside<T: Send + 'static>(&self, value: T) {
        self.threads.run(move || drop(value));
    }

    fn outcome(&mut self) -> Outcome {
        self.mark(Mark::End);
        self.told_at(Instant::now(), true)
    }

    /// What is drawn of a life that goes on.
    fn so_far(&self) -> SoFar {
        let now = Instant::now();
        SoFar {
            outcome: self.told_at(now, false),
            age: now.saturating_duration_since(self.began),
            in_flight: self.app.admission.in_flight(),
        }
    }

    /// What it has come to, and what each component did up to now; whether that is all that it does, too.
    fn told_at(&self, now: Instant, is_over: bool) -> Outcome {
        let began = self.began;
        let stopped_at = self.marked(Mark::Cause);
        let spans = |track: &Track| track.spans(began, stopped_at, is_over.then_some(now));
        let told = |outcome: &ComponentOutcome, track: &Track| ComponentOutcome {
            spans: spans(track),
            ..outcome.clone()
        };
        let body = self.body_track.as_ref().map(|track| match &self.body {
            Some(outcome) => told(outcome, track),
            None => told(&ComponentOutcome::of_body(), track),
        });
        let body = body.or_else(|| self.body.clone());
        let mut components = Vec::with_capacity(self.members.len());
        let mut seen = vec![false; self.members.len()];
        for id in self.ends.iter().copied().chain(0..self.members.len()) {
            if !std::mem::replace(&mut seen[id], true) {
                let member = &self.members[id];
                // Its hook may have been called without the driver.
                let called = member.slot.and_then(|slot| self.emergency.times(slot).0);
                let mut track = Cow::Borrowed(&member.track);
                if let Some(called) = called {
                    track.to_mut().emergency(called.into(), now);
                }
                components.push(ComponentOutcome {
                    start_after: member.start_after.map(|id| self.name(id)),
                    stop_after: member.stop_after.map(|id| self.name(id)),
                    ..told(&member.outcome, &track)
                });
            }
        }
        let cause = self.cause.as_ref();
        let deadline = cause.map(|cause| cause.deadline);
        let mut marks = self.marks.clone();
        marks.extend(deadline.map(|at| (Mark::Deadline, at)));
        marks.sort_by_key(|(_, at)| *at);
        let offset = |(mark, at): (Mark, Instant)| (mark, at.saturating_duration_since(began));
        let limit = self.plan.limits.shutdown;
        let unclean = !self.cut_work.is_empty()
            || components
                .iter()
                .chain(&body)
                .any(|outcome| outcome.unclean);
        let exit_code = match self.forced {
            Some(signal) => 128 + signal,
            None if cause.is_some_and(|cause| cause.config) => 2,
            None if self.app_failed => 1,
            None if unclean => 3,
            None => 0,
        };
        Outcome {
            app: self.plan.name.clone(),
            reason: cause.map_or(Reason::Requested, |cause| cause.reason.clone()),
            root: cause.and_then(|cause| cause.root.clone()),
            ran: self.ran,
            exit_code,
            startup: self.startup_took,
            // More than the limit, where the process was stopped over its deadline.
            shutdown: stopped_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at)),
            limit,
            reserve: self.plan.limits.emergency,
            forced: self.forced,
            cut_work: self.cut_work.clone(),
            began: self.began_at,
            marks: marks.into_iter().map(offset).collect(),
            body,
            components,
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // The driver's own panic must not take the emergency hooks with it.
        if !std::thread::panicking() {
            self.threads.close();
            self.emergency.close();
        }
    }
}
