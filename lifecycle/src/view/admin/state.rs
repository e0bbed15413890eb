//! [`AdminState`]: what the admin knows of the life. Events write it, requests read it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use tokio::sync::{mpsc, watch};

use super::checks::Checks;
use crate::api::event::Event;
use crate::api::record::HookKind;
use crate::life::Inside;
use crate::life::input::Input;
use crate::life::liveness::Liveness;
use crate::plan::Plan;
use crate::plan::component::{Component, Kind};
use crate::view::status::{ComponentStatus, Phase, Status, Step};

pub(super) struct AdminState {
    known: Mutex<Known>,
    /// Changes each time that the app enters a phase.
    phases: watch::Sender<Phase>,
    life: OnceLock<(Inside, Liveness, mpsc::UnboundedSender<Input>)>,
    pub(super) checks: Checks,
}

/// Where the app is, and what its events do not contain.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) status: Status,
    /// When the phase was entered, by the clock on the wall.
    pub(super) since: SystemTime,
    /// By their ids, as in [`Status::components`].
    details: Vec<Details>,
}

/// What the admin itself knows of a component.
#[derive(Clone)]
pub(super) struct Details {
    /// When its step was entered, by the clock on the wall.
    pub(super) since: SystemTime,
    /// Whether readiness depends on its `health`.
    pub(super) readiness: bool,
    /// How often in a row its `health` has failed, where readiness depends on it, and the last error.
    pub(super) unhealthy: (u32, String),
}

impl AdminState {
    pub(super) fn new(plan: &Plan) -> Self {
        let now = SystemTime::now();
        let details = |component: &Component| Details {
            since: now,
            readiness: matches!(
                component.kind,
                Kind::Resource {
                    readiness: true,
                    ..
                }
            ) && component.has(HookKind::Health),
            unhealthy: Default::default(),
        };
        Self {
            known: Mutex::new(Known {
                status: Status::new(plan, Instant::now()),
                since: now,
                details: plan.components.iter().map(details).collect(),
            }),
            phases: watch::Sender::new(Phase::Starting),
            life: OnceLock::new(),
            checks: Checks::new(plan),
        }
    }

    pub(super) fn attach(&self, inside: Inside, driver: mpsc::UnboundedSender<Input>) {
        let liveness = Liveness::new(inside.app.runtime.clone());
        let _ = self.life.set((inside, liveness, driver));
    }

    /// The life, once it is made: before the first start.
    pub(super) fn inside(&self) -> Option<&Inside> {
        self.life.get().map(|(inside, ..)| inside)
    }

    pub(super) fn liveness(&self) -> Option<&Liveness> {
        self.life.get().map(|(_, liveness, _)| liveness)
    }

    /// The driver's input.
    pub(super) fn driver(&self) -> Option<&mpsc::UnboundedSender<Input>> {
        self.life.get().map(|(.., driver)| driver)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn phases(&self) -> watch::Receiver<Phase> {
        self.phases.subscribe()
    }

    /// Takes the event in. Called by the driver.
    pub(super) fn apply(&self, event: &Event) {
        let mut known = self.known();
        let change = known.status.apply(event);
        // Not the event's instant, which has no place on the wall's clock.
        let now = SystemTime::now();
        if change.phase {
            known.since = now;
        }
        let mut ends = None;
        if let Some(id) = change.component {
            known.details[id].since = now;
            let step = known.status.components[id].step;
            ends = matches!(step, Step::Stopping | Step::Stopped).then_some(id);
        }
        let phase = known.status.phase;
        drop(known);
        // Its instance is not asked for its health while or after it stops.
        if let Some(id) = ends {
            self.checks.abort(id);
        }
        if change.phase {
            self.phases.send_replace(phase);
        }
    }
}

impl Known {
    /// Whether all components are up, and no stop was asked for.
    pub(super) fn is_running(&self) -> bool {
        self.status.phase == Phase::Running && self.status.stop.is_none()
    }

    pub(super) fn components(&self) -> impl Iterator<Item = (&ComponentStatus, &Details)> {
        self.status.components.iter().zip(&self.details)
    }

    pub(super) fn details(&mut self, id: usize) -> &mut Details {
        &mut self.details[id]
    }
}
