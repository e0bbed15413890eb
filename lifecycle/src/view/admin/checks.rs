//! The `health` hooks: at most one call of each at a time, each bounded, and none while the last result is fresh.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout_at;

use crate::api::hook::{Hook, Instance};
use crate::api::record::HookKind;
use crate::base::duration::show;
use crate::life::Inside;
use crate::life::call::Call;
use crate::life::hook_error::HookError;
use crate::life::span::{CallPhase, CallSpan};
use crate::plan::Plan;
use crate::plan::component::{Component, Id, Kind};

/// The time limit of a `health`.
const LIMIT: Duration = Duration::from_secs(2);
/// How long a result stays fresh.
const FRESH: Duration = Duration::from_secs(1);

/// What a `health` returned.
pub(super) type Health = Result<(), String>;

/// All components that have a `health`.
pub(super) struct Checks(Vec<Check>);

pub(super) struct Check {
    pub(super) id: Id,
    pub(super) name: Arc<str>,
    health: fn(&Instance) -> Option<Hook<()>>,
    needs_drop: bool,
    slot: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    last: Option<(Instant, Health)>,
    under_way: Option<UnderWay>,
}

/// A call under way.
#[derive(Clone)]
struct UnderWay {
    since: Instant,
    end: watch::Receiver<Option<Health>>,
    call: Arc<Call>,
}

/// A result that is known, or to come.
pub(super) enum Asked {
    Known(Health),
    Coming(Coming),
}

pub(super) struct Coming(UnderWay);

impl Checks {
    pub(super) fn new(plan: &Plan) -> Self {
        let check = |(id, component): (Id, &Component)| match &component.kind {
            Kind::Resource { table, .. } if component.has(HookKind::Health) => Some(Check {
                id,
                name: Arc::clone(&component.name),
                health: table.health,
                needs_drop: table.needs_drop,
                slot: Arc::default(),
            }),
            _ => None,
        };
        let components = plan.components.iter().enumerate();
        Self(components.filter_map(check).collect())
    }

    pub(super) fn all(&self) -> &[Check] {
        &self.0
    }

    /// Aborts the call that is under way, if any: the component is up no more.
    pub(super) fn abort(&self, id: Id) {
        if let Ok(place) = self.0.binary_search_by_key(&id, |check| check.id) {
            let under_way = self.0[place].slot().under_way.clone();
            if let Some(under_way) = under_way {
                under_way.call.abort();
            }
        }
    }
}

impl Check {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        lock(&self.slot)
    }

    /// Calls the hook, unless a call is under way, or, with `cached`, a fresh result is known. The result is awaited
    /// separately, so that several hooks can run at once.
    pub(super) fn ask(&self, inside: &Inside, cached: bool) -> Asked {
        let mut slot = self.slot();
        match (&slot.under_way, &slot.last) {
            (Some(under_way), _) => return Asked::Coming(Coming(under_way.clone())),
            (None, Some((at, health))) if cached && at.elapsed() < FRESH => {
                return Asked::Known(health.clone());
            }
            _ => {}
        }
        let Some(instance) = inside.instances.up(self.id) else {
            return Asked::Known(Ok(()));
        };
        let (result, end) = watch::channel(None);
        // Under the lock of the slot: the call may end at once, and takes itself out then.
        let since = Instant::now();
        let under_way = UnderWay {
            since,
            end,
            call: Arc::new(self.begin(inside, instance, since, result)),
        };
        slot.under_way = Some(under_way.clone());
        Asked::Coming(Coming(under_way))
    }

    fn begin(
        &self,
        inside: &Inside,
        instance: Instance,
        since: Instant,
        sender: watch::Sender<Option<Health>>,
    ) -> Call {
        let slot = Arc::clone(&self.slot);
        let (health, needs_drop) = (self.health, self.needs_drop);
        let span = CallSpan::new(Arc::clone(&self.name), CallPhase::Health, None);
        let of_hook = instance.clone();
        let make = move || health(&of_hook).unwrap_or_else(|| Hook::thread(|| Ok(())));
        let dropping = inside.threads.clone();
        let done = move |result: Result<(), HookError>| {
            // Perhaps the last handle, if the component has stopped meanwhile: its destructor is user code.
            if needs_drop {
                dropping.run(move || drop(instance));
            }
            let health = result.map_err(|error| match error {
                HookError::Cancelled if since.elapsed() >= LIMIT => took_too_long(LIMIT),
                error => error.describe(),
            });
            let mut slot = lock(&slot);
            slot.last = Some((Instant::now(), health.clone()));
            slot.under_way = None;
            drop(slot);
            sender.send_replace(Some(health));
        };
        Call::begin_made(make, span, &inside.app.runtime, &inside.threads, done)
    }
}

impl Coming {
    /// Waits for the result, within the time limit of the call.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the hook goes on, and its result is kept for the next request.
    pub(super) async fn answer(mut self) -> Health {
        let until = self.0.since + LIMIT;
        let health = match timeout_at(until.into(), self.0.end.wait_for(Option::is_some)).await {
            Ok(Ok(health)) => health.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        health.unwrap_or_else(|| {
            // A call on a thread goes on, and no other one begins before it has returned.
            self.0.call.abort();
            Err(took_too_long(self.0.since.elapsed()))
        })
    }
}

impl Asked {
    pub(super) async fn answer(self) -> Health {
        match self {
            Self::Known(health) => health,
            Self::Coming(coming) => coming.answer().await,
        }
    }
}

fn took_too_long(time: Duration) -> String {
    // In whole tenths: microseconds beyond the limit are noise.
    let tenths = u64::try_from(time.as_millis() / 100).unwrap_or(u64::MAX);
    format!(
        "has not answered within {}",
        show(Duration::from_millis(tenths * 100))
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
