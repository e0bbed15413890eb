//! The `health` hooks: asked at most one at a time each, bounded, and not again while the last answer is fresh.

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

/// What a `health` may take.
const LIMIT: Duration = Duration::from_secs(2);
/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(1);

/// How it is, or what is wrong.
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
    call: Arc<Mutex<Cutting>>,
}

/// A call may be cut before it has begun.
enum Cutting {
    NotBegun,
    Begun(Call),
    Cut,
}

/// An answer that is there, or to come.
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

    /// Cuts what is asked of the component: it is up no more.
    pub(super) fn cut(&self, id: Id) {
        if let Ok(place) = self.0.binary_search_by_key(&id, |check| check.id) {
            let under_way = self.0[place].slot().under_way.clone();
            if let Some(under_way) = under_way {
                under_way.cut();
            }
        }
    }
}

impl Check {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        lock(&self.slot)
    }

    /// Asks it, unless somebody is doing so, or has just done so and that will do. The answer is awaited apart, so that
    /// several can be asked at once.
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
        let (tell, end) = watch::channel(None);
        let under_way = UnderWay {
            since: Instant::now(),
            end,
            call: Arc::new(Mutex::new(Cutting::NotBegun)),
        };
        slot.under_way = Some(under_way.clone());
        drop(slot);
        self.begin(inside, instance, &under_way, tell);
        Asked::Coming(Coming(under_way))
    }

    /// A hook that is written by hand may do what it likes when it is made: that, too, happens on a thread for it.
    fn begin(
        &self,
        inside: &Inside,
        instance: Instance,
        under_way: &UnderWay,
        tell: watch::Sender<Option<Health>>,
    ) {
        let (slot, call) = (Arc::clone(&self.slot), Arc::clone(&under_way.call));
        let (health, needs_drop, since) = (self.health, self.needs_drop, under_way.since);
        let (runtime, threads) = (inside.app.runtime.clone(), inside.threads.clone());
        let span = CallSpan::new(Arc::clone(&self.name), CallPhase::Health, None);
        inside.threads.run(move || {
            let made = caught(|| health(&instance));
            let dropping = threads.clone();
            let done = move |result: Result<(), HookError>| {
                // The last handle of one that has been stopped meanwhile: its destructor is user code.
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
                tell.send_replace(Some(health));
            };
            let begun = match made {
                Ok(Some(hook)) => Call::begin(hook, span, &runtime, &threads, done),
                Ok(None) => return done(Ok(())),
                Err(panic) => return done(Err(HookError::Panicked(panic))),
            };
            let mut call = lock(&call);
            match *call {
                Cutting::Cut => begun.abort(),
                _ => *call = Cutting::Begun(begun),
            }
        });
    }
}

impl UnderWay {
    /// A future is told to drop; a thread goes on, and nobody asks again until it has come back.
    fn cut(&self) {
        let call = std::mem::replace(&mut *lock(&self.call), Cutting::Cut);
        if let Cutting::Begun(call) = call {
            call.abort();
        }
    }
}

impl Coming {
    /// Waits for the answer, as long as it may take.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the hook goes on, and its answer is kept for whoever asks next.
    pub(super) async fn answer(mut self) -> Health {
        let until = self.0.since + LIMIT;
        let health = match timeout_at(until.into(), self.0.end.wait_for(Option::is_some)).await {
            Ok(Ok(health)) => health.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        health.unwrap_or_else(|| {
            self.0.cut();
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
    // Whole tenths: nobody wants to know that it was a microsecond more.
    let tenths = u64::try_from(time.as_millis() / 100).unwrap_or(u64::MAX);
    format!(
        "has not answered within {}",
        show(Duration::from_millis(tenths * 100))
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
