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

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::runtime;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::call::Call;
use super::hook_error::HookError;
use super::input::{Input, Turn};
use super::outcome::{ComponentOutcome, Outcome, SoFar};
use super::span::{CallPhase, CallSpan};
use crate::api::event::{Event, EventKind, Observer, PendingWork};
use crate::api::hook::{Hook, StartContext};
use crate::api::record::HookKind;
use crate::api::shutdown::Shutdown;
use crate::life::state::component::Member;
use super::body::BodyLink;
use super::timers::Timers;
use crate::life::emergency::Emergency;
use crate::life::hook_threads::HookThreads;
use crate::life::instances::Instances;
use crate::life::track::{Mark, Track};
use crate::plan::Plan;
use crate::plan::component::Id;
use crate::scope::admission::Admission;
use crate::scope::reason::Reason;
use crate::scope::{AppRequest, AppState, Scope};

/// How long an aborted future or task may take to be dropped before it is named as one that resists.
pub(super) const GRACE: Duration = Duration::from_millis(50);

/// How many notices are kept back at most.
const MOST_UNOBSERVED: usize = 64;

/// The first cause to stop.
pub(super) struct Cause {
    pub(super) reason: Reason,
    pub(super) root: Option<String>,
    pub(super) config: bool,
    pub(super) deadline: Instant,
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
    pub(super) plan: Arc<Plan>,
    pub(super) app: Arc<AppState>,
    pub(super) app_scope: Arc<Scope>,
    pub(super) store: Arc<Instances>,
    pub(super) threads: HookThreads,
    pub(super) emergency: Emergency,
    /// A hook has ended, or all are through: no event, since to send one takes memory.
    pub(super) emergency_news: Arc<Notify>,
    pub(super) members: Vec<Member>,
    /// Which component has which emergency hook.
    pub(super) slots: Vec<Id>,
    pub(super) events: mpsc::UnboundedReceiver<Input>,
    pub(super) sender: mpsc::UnboundedSender<Input>,
    pub(super) timers: Timers,
    pub(super) wiring: Wiring,
    pub(super) began: Instant,
    pub(super) began_at: SystemTime,
    pub(super) marks: Vec<(Mark, Instant)>,
    /// Not yet shown.
    pub(super) unobserved: Vec<Event>,
    pub(super) startup_took: Duration,
    pub(super) ran: bool,
    pub(super) cause: Option<Cause>,
    pub(super) forced: Option<i32>,
    pub(super) draining: bool,
    /// Starts that are being waited for.
    pub(super) starting: usize,
    /// Who came up last.
    pub(super) last_up: Option<Id>,
    /// Workers of the group that has been told last and that have not ended.
    pub(super) group_left: usize,
    /// Resources that have not ended, while stopping.
    pub(super) stopping_left: usize,
    /// For each node of the graph, how many it still waits for: what it needs while starting, what needs it while
    /// stopping.
    pub(super) waits: Vec<u32>,
    /// Nodes that nothing keeps from stopping any more.
    pub(super) stoppable: Vec<usize>,
    pub(super) body_running: bool,
    pub(super) body_told_at: Option<Instant>,
    pub(super) body_cut_at: Option<Instant>,
    /// The line of main's body in the report, where there is something to say.
    pub(super) body: Option<ComponentOutcome>,
    pub(super) body_track: Option<Track>,
    pub(super) drain_over: bool,
    /// What of it has been told last.
    pub(super) drain_left: PendingWork,
    pub(super) app_failed: bool,
    pub(super) cut_work: Vec<(Arc<str>, u64)>,
    pub(super) emergency_left: Duration,
    pub(super) emergency_over: bool,
    /// How many are being asked what they have lent out, of those that are left behind.
    pub(super) counting: usize,
    /// Ids in the order in which they ended.
    pub(super) ends: Vec<Id>,
    pub(super) reloading: Vec<Id>,
    pub(super) reload_wanted: bool,
    /// Which reload is under way: the end of an earlier one is stale.
    pub(super) reload_turn: Turn,
    /// That nothing is in flight has been sent, and not been looked at.
    pub(super) idle_sent: Arc<AtomicBool>,
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
            timers: Timers::default(),
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

    pub(super) fn emit(&mut self, kind: EventKind) {
        self.unobserved
            .push(Event::new(Instant::now().into_std(), kind));
        if self.unobserved.len() == MOST_UNOBSERVED {
            self.show();
        }
    }

    /// Passes on what there is to see: as a rule when the driver has nothing else to do, so that waking whoever watches
    /// holds up nobody.
    pub(super) fn show(&mut self) {
        for event in self.unobserved.drain(..) {
            (self.wiring.observer)(event);
        }
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        self.marks.push((mark, Instant::now()));
    }

    pub(super) fn marked(&self, mark: Mark) -> Option<Instant> {
        let found = self.marks.iter().find(|(other, _)| *other == mark);
        found.map(|(_, at)| *at)
    }

    pub(super) fn name(&self, id: Id) -> Arc<str> {
        Arc::clone(&self.plan.components[id].name)
    }

    pub(super) fn scope(&mut self, id: Id) -> Arc<Scope> {
        let name = self.name(id);
        let app = &self.app;
        Arc::clone(
            self.members[id]
                .scope
                .get_or_insert_with(|| Scope::new(name, Arc::clone(app))),
        )
    }

    /// What the component is handed.
    pub(super) fn context(&mut self, id: Id) -> StartContext {
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
    pub(super) fn begin_call<T, C>(&mut self, id: Id, hook: Hook<T>, phase: CallPhase, then: C)
    where
        T: Send + 'static,
        C: FnOnce(Result<T, HookError>) + Send + 'static,
    {
        let span = CallSpan::new(self.name(id), phase, self.members[id].scope.clone());
        let call = Call::begin(hook, span, &self.wiring.runtime, &self.threads, then);
        self.members[id].call = Some(call);
    }

    /// Whether the scope of the component has no tasks; if it has, an event will tell.
    pub(super) fn tasks_are_over(&mut self, id: Id) -> bool {
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
    pub(super) fn cancel_scope(&mut self, id: Id) {
        let member = &mut self.members[id];
        member.cancelled = true;
        if let Some(scope) = &member.scope {
            member.outcome.cancel_tasks(scope);
        }
    }

    /// Drops user values where their destructors hold up nobody.
    pub(super) fn drop_aside<T: Send + 'static>(&self, value: T) {
        self.threads.run(move || drop(value));
    }

    pub(super) fn outcome(&mut self) -> Outcome {
        self.mark(Mark::End);
        self.told_at(Instant::now(), true)
    }

    /// What is drawn of a life that goes on.
    pub(super) fn so_far(&self) -> SoFar {
        let now = Instant::now();
        SoFar {
            outcome: self.told_at(now, false),
            age: now.saturating_duration_since(self.began),
            in_flight: self.app.admission.in_flight(),
        }
    }

    /// What it has come to, and what each component did up to now; whether that is all that it does, too.
    pub(super) fn told_at(&self, now: Instant, is_over: bool) -> Outcome {
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
