//! [`Status`]: where an app and each of its components are, derived from the events of its life.
//!
//! This is the one place that derives it. The console, systemd, the probes, the metrics and the live picture read it
//! and keep only what is their own: how they show it. The log and the plain lines need none of it, since each event is
//! a line by itself.
//!
//! Invariants:
//!
//! 1. It is pure: no clock, no lock, no output. All instants are those of the events, so that a viewer that lags behind
//!    shows the same times as one that does not.
//! 2. Phases follow each other in the order of [`Phase`]. A phase may be skipped, none is entered again.
//! 3. A request to stop is no phase: until the lame duck, the drain or the emergency phase begins, the app is still
//!    where it was, and only [`Status::stop`] is set.
//! 4. Events of what is no component, such as main's body, change no component.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api::event::{Event, EventKind, PendingWork};
use crate::plan::Plan;
use crate::plan::component::{Component, Id, Kind};
use crate::scope::reason::Reason;

/// Where the app is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Running,
    /// Not ready any more, and still serving.
    LameDuck,
    /// Admission is closed; workers and main's body end.
    Draining,
    /// Resources stop.
    Stopping,
    /// Only emergency hooks run.
    Forced,
    Ended,
}

/// Where a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Waiting,
    Starting,
    Up,
    Stopping,
    Stopped,
    /// A worker that has returned without an error and does not run again.
    Finished,
    /// It did not come up, or is a worker that has failed and does not run again.
    Failed,
}

/// Where the app and its components are.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) phase: Phase,
    /// When the phase was entered.
    pub(crate) since: Instant,
    /// The time of the lame duck, or of the drain.
    pub(crate) time_limit: Duration,
    /// How long the startup took, once the app is up.
    pub(crate) startup: Option<Duration>,
    /// Set once there is a cause to stop.
    pub(crate) stop: Option<Stop>,
    /// The signal that forced the end, if one did.
    pub(crate) forced_by: Option<i32>,
    /// User code called `exit`, which forced the end.
    pub(crate) exited: bool,
    /// What the drain waits for, as far as is known.
    pub(crate) pending: PendingWork,
    pub(crate) reload: Reload,
    /// Set at the end.
    pub(crate) exit_code: Option<i32>,
    /// By their ids in the plan.
    pub(crate) components: Vec<ComponentStatus>,
    ids: Arc<HashMap<Arc<str>, Id>>,
    /// How many components are at each step.
    counts: [usize; Step::ALL.len()],
    /// How many starts and stops have begun.
    begun: usize,
}

/// A stop that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    pub(crate) reason: Reason,
    pub(crate) since: Instant,
    /// The time until the deadline.
    pub(crate) time_limit: Duration,
    /// How many components were up.
    pub(crate) total: usize,
}

/// The last reload.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reload {
    pub(crate) is_under_way: bool,
    /// The first component that did not reload, and why.
    pub(crate) failed: Option<(Arc<str>, String)>,
}

/// Where a component is, and what it went through.
#[derive(Debug, Clone)]
pub(crate) struct ComponentStatus {
    pub(crate) name: Arc<str>,
    pub(crate) worker: bool,
    periodic: bool,
    pub(crate) step: Step,
    /// When the step was entered.
    pub(crate) since: Instant,
    /// The time that the start or the stop has that is under way.
    pub(crate) time_limit: Duration,
    /// Which start or stop of the app its last one is, in the order in which they began.
    place: usize,
    /// The attempt to start that is under way, or was the last one, from 1; 0 before the first.
    pub(crate) attempt: u32,
    /// The error of the last failed attempt, or with which it failed last.
    pub(crate) last_error: Option<Arc<str>>,
    /// How often it came up, not counting restarts.
    pub(crate) starts: u64,
    pub(crate) failed_starts: u64,
    /// How often a worker ended by itself and was to run again.
    pub(crate) restarts: u64,
    /// How often it failed while it was up, failed periodic runs included.
    pub(crate) failures: u64,
    /// How often it stopped, by the layer of cleanup that it needed.
    pub(crate) stops: [u64; 3],
    pub(crate) start_took: Option<Duration>,
    pub(crate) stop_took: Option<Duration>,
}

/// What an event has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// The app has entered a phase.
    pub(crate) phase: bool,
    /// This component has entered a step.
    pub(crate) component: Option<Id>,
}

impl Status {
    pub(crate) fn new(plan: &Plan, now: Instant) -> Self {
        let components = plan.components.iter();
        Self::of(
            components.map(|component| ComponentStatus::new(component, now)),
            now,
        )
    }

    fn of(components: impl Iterator<Item = ComponentStatus>, now: Instant) -> Self {
        let components: Vec<ComponentStatus> = components.collect();
        let names = components.iter().map(|component| &component.name).cloned();
        let mut counts = [0; Step::ALL.len()];
        counts[Step::Waiting as usize] = components.len();
        Self {
            phase: Phase::Starting,
            since: now,
            time_limit: Duration::ZERO,
            startup: None,
            stop: None,
            forced_by: None,
            exited: false,
            pending: PendingWork::default(),
            reload: Reload::default(),
            exit_code: None,
            ids: Arc::new(names.zip(0..).collect()),
            components,
            counts,
            begun: 0,
        }
    }

    /// How many components are at that step.
    pub(crate) fn count(&self, step: Step) -> usize {
        self.counts[step as usize]
    }

    /// How many of those that were up when the stop was asked for have ended.
    pub(crate) fn stopped(&self) -> usize {
        let total = self.stop.as_ref().map_or(0, |stop| stop.total);
        // One that was starting may have come up since.
        total.saturating_sub(self.count(Step::Up) + self.count(Step::Stopping))
    }

    /// The components that start or stop, in the order in which that began. Once there is a cause to stop, starts are
    /// not what the app waits for; in the emergency phase nothing is.
    pub(crate) fn under_way(&self) -> Vec<&ComponentStatus> {
        if matches!(self.phase, Phase::Forced | Phase::Ended) {
            return Vec::new();
        }
        let is_under_way = |component: &&ComponentStatus| match component.step {
            Step::Starting => self.stop.is_none(),
            Step::Stopping => true,
            _ => false,
        };
        let mut components: Vec<_> = self.components.iter().filter(is_under_way).collect();
        components.sort_unstable_by_key(|component| component.place);
        components
    }

    /// Takes the next event in.
    pub(crate) fn apply(&mut self, event: &Event) -> Change {
        let at = event.at();
        match event.kind() {
            EventKind::Running { took } => {
                self.startup = Some(*took);
                self.enter(Phase::Running, Duration::ZERO, at)
            }
            EventKind::ShutdownBegan { reason, time_limit } => {
                self.stop = Some(Stop {
                    reason: reason.clone(),
                    since: at,
                    time_limit: *time_limit,
                    total: self.count(Step::Up),
                });
                // The driver aborts it.
                self.reload.is_under_way = false;
                Change::default()
            }
            EventKind::LameDuck { time } => self.enter(Phase::LameDuck, *time, at),
            EventKind::Draining {
                pending,
                time_limit,
            } => {
                self.pending.clone_from(pending);
                self.enter(Phase::Draining, *time_limit, at)
            }
            EventKind::StillDraining { pending } => {
                self.pending.clone_from(pending);
                Change::default()
            }
            EventKind::Forced { signal, exited } => {
                self.forced_by = *signal;
                self.exited = *exited;
                self.enter(Phase::Forced, Duration::ZERO, at)
            }
            EventKind::Ended { exit_code } => {
                self.exit_code = Some(*exit_code);
                self.enter(Phase::Ended, Duration::ZERO, at)
            }
            EventKind::ReloadBegan { .. } => {
                self.reload = Reload {
                    is_under_way: true,
                    failed: None,
                };
                Change::default()
            }
            EventKind::Reloaded {
                name,
                error: Some(error),
            } => {
                let failed = || (Arc::clone(name), error.clone());
                self.reload.failed.get_or_insert_with(failed);
                Change::default()
            }
            EventKind::ReloadEnded => {
                self.reload.is_under_way = false;
                Change::default()
            }
            kind => match event.component().and_then(|name| self.ids.get(name)) {
                Some(&id) => self.apply_to(id, kind, at),
                None => Change::default(),
            },
        }
    }

    /// Takes in what happened to one component.
    fn apply_to(&mut self, id: Id, kind: &EventKind, at: Instant) -> Change {
        let component = &mut self.components[id];
        match kind {
            EventKind::Starting { time_limit, .. } => {
                component.time_limit = *time_limit;
                component.attempt = 1;
                self.begin(id, Step::Starting, at)
            }
            EventKind::Started { took, .. } => {
                component.starts += 1;
                component.start_took = Some(*took);
                self.step(id, Step::Up, at)
            }
            EventKind::StartFailed {
                attempt,
                error,
                retry_in,
                ..
            } => {
                component.failed_starts += 1;
                component.last_error = Some(error.as_str().into());
                if retry_in.is_some() {
                    component.attempt = attempt + 1;
                    Change::default()
                } else {
                    self.step(id, Step::Failed, at)
                }
            }
            EventKind::Finished { .. } => self.step(id, Step::Finished, at),
            EventKind::Restarting { .. } => {
                component.restarts += 1;
                Change::default()
            }
            EventKind::Failed {
                error, retry_in, ..
            } => {
                component.failures += 1;
                component.restarts += u64::from(retry_in.is_some() && !component.periodic);
                component.last_error = Some(error.as_str().into());
                // A resource that has the app fail is up all the same, until it is stopped.
                if component.worker && retry_in.is_none() {
                    self.step(id, Step::Failed, at)
                } else {
                    Change::default()
                }
            }
            EventKind::Stopping { time_limit, .. } => {
                component.time_limit = *time_limit;
                self.begin(id, Step::Stopping, at)
            }
            EventKind::Stopped { took, layer, .. } => {
                component.stop_took = Some(*took);
                component.stops[*layer as usize] += 1;
                // One without a `stop` has not begun to.
                self.step(id, Step::Stopped, at)
            }
            _ => Change::default(),
        }
    }

    fn begin(&mut self, id: Id, step: Step, at: Instant) -> Change {
        self.components[id].place = self.begun;
        self.begun += 1;
        self.step(id, step, at)
    }

    fn step(&mut self, id: Id, step: Step, at: Instant) -> Change {
        let component = &mut self.components[id];
        self.counts[component.step as usize] -= 1;
        self.counts[step as usize] += 1;
        component.step = step;
        component.since = at;
        // Resources stop when the drain is over, which has no event of its own.
        let stops = matches!(step, Step::Stopping | Step::Stopped);
        let is_over = stops && !component.worker && self.phase == Phase::Draining;
        let change = if is_over {
            self.enter(Phase::Stopping, Duration::ZERO, at)
        } else {
            Change::default()
        };
        Change {
            component: Some(id),
            ..change
        }
    }

    fn enter(&mut self, phase: Phase, time_limit: Duration, at: Instant) -> Change {
        self.phase = phase;
        self.since = at;
        self.time_limit = time_limit;
        Change {
            phase: true,
            component: None,
        }
    }
}

impl ComponentStatus {
    fn new(component: &Component, now: Instant) -> Self {
        let periodic =
            matches!(&component.kind, Kind::Worker { policy, .. } if policy.schedule.is_some());
        Self::waiting(
            Arc::clone(&component.name),
            component.is_worker(),
            periodic,
            now,
        )
    }

    fn waiting(name: Arc<str>, worker: bool, periodic: bool, now: Instant) -> Self {
        Self {
            name,
            worker,
            periodic,
            step: Step::Waiting,
            since: now,
            time_limit: Duration::ZERO,
            place: 0,
            attempt: 0,
            last_error: None,
            starts: 0,
            failed_starts: 0,
            restarts: 0,
            failures: 0,
            stops: [0; 3],
            start_took: None,
            stop_took: None,
        }
    }
}

impl Step {
    pub(crate) const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Starting,
        Self::Up,
        Self::Stopping,
        Self::Stopped,
        Self::Finished,
        Self::Failed,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
