//! What the admin knows of the life: written down as it is told, read by whoever asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};

use super::checks::Checks;
use super::metrics::Prometheus;
use crate::api::event::EventKind;
use crate::api::record::HookKind;
use crate::life::Inside;
use crate::life::input::Input;
use crate::life::liveness::Liveness;
use crate::plan::Plan;
use crate::plan::component::{Id, Kind};
use crate::view::admin::live_picture::{LivePicture, Source};

/// Everything that is asked for.
pub(super) struct Board {
    state: Mutex<State>,
    /// Each time that the app enters a phase.
    phases: watch::Sender<Phase>,
    life: OnceLock<(Inside, Liveness, mpsc::UnboundedSender<Input>)>,
    pub(super) live_picture: Arc<LivePicture>,
    pub(super) checks: Checks,
    /// Made when it is first asked for: to look at the machine's clocks takes half a millisecond.
    pub(super) prometheus: OnceLock<Prometheus>,
}

/// Where the app is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Running,
    LameDuck,
    Draining,
    Stopping,
}

/// Where a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Waiting,
    Starting,
    Up,
    Stopping,
    Stopped,
    Finished,
    Failed,
}

#[derive(Clone)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) since: SystemTime,
    /// How long the startup took, once the app is up.
    pub(super) startup: Option<Duration>,
    /// Why the app stops, once it does.
    pub(super) reason: Option<String>,
    pub(super) parts: Vec<Part>,
    ids: Arc<HashMap<Arc<str>, Id>>,
}

/// A component.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) name: Arc<str>,
    pub(super) worker: bool,
    periodic: bool,
    /// Whether readiness depends on its `health`.
    pub(super) readiness: bool,
    pub(super) step: Step,
    pub(super) since: SystemTime,
    pub(super) starts: u64,
    pub(super) failed_starts: u64,
    pub(super) restarts: u64,
    pub(super) failures: u64,
    /// By layer.
    pub(super) stops: [u64; 3],
    pub(super) start_took: Option<Duration>,
    pub(super) stop_took: Option<Duration>,
    /// How often in a row its `health` has failed, where readiness depends on it, and how it did last.
    pub(super) unhealthy: (u32, String),
}

impl Board {
    pub(super) fn new(plan: &Plan) -> Self {
        let now = SystemTime::now();
        let part = |component: &crate::plan::component::Component| Part {
            name: Arc::clone(&component.name),
            worker: component.is_worker(),
            periodic: matches!(&component.kind, Kind::Worker { policy, .. } if policy.every.is_some()),
            readiness: matches!(
                component.kind,
                Kind::Resource {
                    readiness: true,
                    ..
                }
            ) && component.has(HookKind::Health),
            step: Step::Waiting,
            since: now,
            starts: 0,
            failed_starts: 0,
            restarts: 0,
            failures: 0,
            stops: [0; 3],
            start_took: None,
            stop_took: None,
            unhealthy: Default::default(),
        };
        let parts: Vec<Part> = plan.components.iter().map(part).collect();
        let ids = parts.iter().enumerate();
        let ids = ids.map(|(id, part)| (Arc::clone(&part.name), id)).collect();
        Self {
            state: Mutex::new(State {
                phase: Phase::Starting,
                since: now,
                startup: None,
                reason: None,
                parts,
                ids: Arc::new(ids),
            }),
            phases: watch::Sender::new(Phase::Starting),
            life: OnceLock::new(),
            live_picture: Arc::default(),
            checks: Checks::new(plan),
            prometheus: OnceLock::new(),
        }
    }

    pub(super) fn attach(&self, inside: Inside, driver: mpsc::UnboundedSender<Input>) {
        let liveness = Liveness::new(inside.app.runtime.clone());
        let _ = self.life.set((inside, liveness, driver));
        self.live_picture.change();
    }

    /// The life, once it is made: before the first start.
    pub(super) fn inside(&self) -> Option<&Inside> {
        self.life.get().map(|(inside, ..)| inside)
    }

    pub(super) fn liveness(&self) -> Option<&Liveness> {
        self.life.get().map(|(_, liveness, _)| liveness)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn phases(&self) -> watch::Receiver<Phase> {
        self.phases.subscribe()
    }

    /// Called by the driver.
    pub(super) fn hear(&self, notice: &EventKind) {
        let mut state = self.state();
        let before = state.phase;
        let ends = state.take(notice);
        let phase = state.phase;
        drop(state);
        if let Some(id) = ends {
            self.checks.cut(id);
        }
        if phase != before {
            self.phases.send_replace(phase);
        }
        self.live_picture.change();
    }
}

impl Source for Board {
    fn driver(&self) -> Option<&mpsc::UnboundedSender<Input>> {
        self.life.get().map(|(.., driver)| driver)
    }

    fn running_for(&self) -> Option<Duration> {
        let state = self.state();
        (state.phase == Phase::Running).then(|| state.since.elapsed().unwrap_or_default())
    }
}

impl State {
    /// Whether all of it is up, and is to stay so.
    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running && self.reason.is_none()
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = SystemTime::now();
    }

    /// Returns the component that is up no more.
    fn take(&mut self, notice: &EventKind) -> Option<Id> {
        match notice {
            EventKind::Running { took } => {
                self.startup = Some(*took);
                self.enter(Phase::Running);
            }
            EventKind::ShutdownBegan { reason, .. } => self.reason = Some(reason.to_string()),
            EventKind::LameDuck { .. } => self.enter(Phase::LameDuck),
            EventKind::Draining { .. } => self.enter(Phase::Draining),
            EventKind::Forced { .. } => self.enter(Phase::Stopping),
            EventKind::Starting { name, .. } => self.step(name, Step::Starting),
            EventKind::Started { name, took } => {
                self.step(name, Step::Up);
                if let Some(part) = self.part(name) {
                    part.starts += 1;
                    part.start_took = Some(*took);
                }
            }
            EventKind::StartFailed { name, retry_in, .. } => {
                if retry_in.is_none() {
                    self.step(name, Step::Failed);
                }
                if let Some(part) = self.part(name) {
                    part.failed_starts += 1;
                }
            }
            EventKind::Finished { name } => self.step(name, Step::Finished),
            EventKind::Restarting { name, .. } => {
                if let Some(part) = self.part(name) {
                    part.restarts += 1;
                }
            }
            EventKind::Failed { name, retry_in, .. } => {
                let part = self.part(name)?;
                part.failures += 1;
                part.restarts += u64::from(retry_in.is_some() && !part.periodic);
                // A resource that has the app fail is up all the same.
                if part.worker && retry_in.is_none() {
                    self.step(name, Step::Failed);
                }
            }
            EventKind::Stopping { name, .. } => return self.stopping(name, Step::Stopping),
            EventKind::Stopped {
                name, took, layer, ..
            } => {
                let id = self.stopping(name, Step::Stopped)?;
                self.parts[id].stops[*layer as usize] += 1;
                self.parts[id].stop_took = Some(*took);
                return Some(id);
            }
            EventKind::Warning { message: _ }
            | EventKind::SlowFirstPoll { .. }
            | EventKind::ExpectedError { .. }
            | EventKind::TaskPanicked { .. }
            | EventKind::StillDraining { .. }
            | EventKind::EmergencyHook { .. }
            | EventKind::ReloadBegan { .. }
            | EventKind::ReloadEnded
            | EventKind::Reloaded { .. } => {}
        }
        None
    }

    fn stopping(&mut self, name: &Arc<str>, step: Step) -> Option<Id> {
        self.step(name, step);
        let id = *self.ids.get(name)?;
        // Resources stop when the drain is over.
        if self.phase == Phase::Draining && !self.parts[id].worker {
            self.enter(Phase::Stopping);
        }
        Some(id)
    }

    fn step(&mut self, name: &Arc<str>, step: Step) {
        if let Some(part) = self.part(name) {
            part.step = step;
            part.since = SystemTime::now();
        }
    }

    /// Nothing for main's body.
    fn part(&mut self, name: &Arc<str>) -> Option<&mut Part> {
        let id = *self.ids.get(name)?;
        Some(&mut self.parts[id])
    }
}

impl Phase {
    pub(super) const ALL: [Self; 5] = [
        Self::Starting,
        Self::Running,
        Self::LameDuck,
        Self::Draining,
        Self::Stopping,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::LameDuck => "lame_duck",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
        }
    }
}

impl Step {
    pub(super) const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Starting,
        Self::Up,
        Self::Stopping,
        Self::Stopped,
        Self::Finished,
        Self::Failed,
    ];

    pub(super) const fn as_str(self) -> &'static str {
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
