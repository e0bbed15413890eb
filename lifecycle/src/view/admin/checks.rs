//! The `health` hooks: at most one call of each at a time, each bounded, and none while the last result is fresh.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout_at;

use crate::api::hook::{Hook, Instance};
use crate::api::record::HookKind;
use crate::base::duration::show;
use crate::error::panic::caught;
use crate::life::Inside;
use crate::life::call::Call;
use crate::life::hook_error::HookError;
use crate::life::span::{CallPhase, CallSpan};
use crate::plan::Plan;
use crate::plan::component::{Component, Id, Kind, Source};

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
    call: Arc<Mutex<Progress>>,
}

/// A call may be aborted before it has begun.
enum Progress {
    NotBegun,
    Begun(Call),
    Aborted,
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
                under_way.abort();
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
        let source = Source::Component {
            id: self.id,
            bind: None,
        };
        let Some(instance) = inside.instances.get(&source) else {
            return Asked::Known(Ok(()));
        };
        let (result, end) = watch::channel(None);
        let under_way = UnderWay {
            since: Instant::now(),
            end,
            call: Arc::new(Mutex::new(Progress::NotBegun)),
        };
        slot.under_way = Some(under_way.clone());
        drop(slot);
        self.begin(inside, instance, &under_way, result);
        Asked::Coming(Coming(under_way))
    }

    /// Runs on a thread for user code: an implementation by hand may block where it makes the hook.
    fn begin(
        &self,
        inside: &Inside,
        instance: Instance,
        under_way: &UnderWay,
        sender: watch::Sender<Option<Health>>,
    ) {
        let (slot, call) = (Arc::clone(&self.slot), Arc::clone(&under_way.call));
        let (health, needs_drop, since) = (self.health, self.needs_drop, under_way.since);
        let (runtime, threads) = (inside.app.runtime.clone(), inside.threads.clone());
        let span = CallSpan::new(Arc::clone(&self.name), CallPhase::Health, None);
        inside.threads.run(move || {
            let made = caught(|| health(&instance));
            let dropping = threads.clone();
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
            let begun = match made {
                Ok(Some(hook)) => Call::begin(hook, span, &runtime, &threads, done),
                Ok(None) => return done(Ok(())),
                Err(panic) => return done(Err(HookError::Panicked(panic))),
            };
            let mut call = lock(&call);
            match *call {
                Progress::Aborted => begun.abort(),
                _ => *call = Progress::Begun(begun),
            }
        });
    }
}

impl UnderWay {
    /// Cancels a future. A call on a thread goes on, and no other one begins before it has returned.
    fn abort(&self) {
        let call = std::mem::replace(&mut *lock(&self.call), Progress::Aborted);
        if let Progress::Begun(call) = call {
            call.abort();
        }
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
            self.0.abort();
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
