//! Admission: counting work in flight, and closing, as one atomic step.
//!
//! Each scope counts its own work, on a few counters far apart in memory, so that threads do not wait for each other's
//! cache lines. Counters are never freed but used again, so that a unit in flight is two plain references.
//!
//! Invariants:
//!
//! 1. Whoever adds and then sees `closed` unset is counted by the close: of {add, load closed} and {store closed, sum}
//!    one sees the other, since all four are sequentially consistent.
//! 2. Whoever sees `closed` set after adding takes its unit back and is refused.
//! 3. A unit is taken from the counter that it was added to, and a clone added to the same one. So after the close a
//!    counter at zero stays there, but for units that are refused, and a sum of zero is true although its counters are
//!    read one after the other.
//! 4. After the close whoever takes a unit back sums, and reports a sum of zero; of several the last one sees zero. So it
//!    may be reported more than once, never too early.
//! 5. Counters are used again only when their sum is zero and their scope is gone: then nobody is left to add or to take.
//! 6. A counter holds in its lower half what is in flight, and in its upper half how often something was admitted: one
//!    addition changes both. The upper half may run over; who watches it reads it often enough to know ([`totals`]).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, PoisonError};

use self::totals::{Used, Work};
use crate::base::sync::{AtomicBool, AtomicI64, Mutex, MutexGuard};
use crate::error::Draining;

pub(crate) mod totals;

#[cfg(not(all(test, lifecycle_loom)))]
const SHARDS: usize = 16;
#[cfg(all(test, lifecycle_loom))]
const SHARDS: usize = 2;

/// One unit in flight.
const UNIT: i64 = 1;
/// One unit in flight that has been admitted, as opposed to a clone.
const ADMITTED: i64 = (1 << 32) + UNIT;

/// The admission of an app.
pub(crate) struct Admission(&'static Gate);

/// What an app shares; it lives for ever, and is used by another app when this one is gone.
struct Gate {
    closed: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    on_idle: Option<Arc<dyn Fn() + Send + Sync>>,
    used: Vec<Used>,
    free: Vec<&'static Counters>,
    /// What scopes that are gone had counted, by their name.
    ended: BTreeMap<Arc<str>, Work>,
    /// Units that have ended because they were cut, by the name of their scope.
    cut: Vec<(Arc<str>, u64)>,
}

/// The counters of a scope.
pub(crate) struct Counters {
    gate: &'static Gate,
    shards: [Shard; SHARDS],
    /// No counter of this crate's own: nothing is decided by it.
    refused: AtomicU64,
}

/// A counter with a cache line of its own, and the one that is fetched with it.
#[repr(align(128))]
struct Shard(AtomicI64);

/// One unit of work in flight: the drain waits until it is dropped. A clone counts as another unit, also while draining,
/// so that admitted work can fan out.
#[must_use = "the work counts as ended when this is dropped"]
pub struct InFlight {
    counters: &'static Counters,
    shard: &'static Shard,
}

/// The gates of apps that are gone.
static FREE: std::sync::Mutex<Vec<&'static Gate>> = std::sync::Mutex::new(Vec::new());

impl Admission {
    /// `on_idle` is called whenever, after closing, nothing of a scope is in flight any more.
    pub(crate) fn new(on_idle: impl Fn() + Send + Sync + 'static) -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        // Of those whose app left work in flight, some may be free by now.
        let again = free.iter().position(|gate| gate.sum() == 0);
        let gate = again.map(|index| free.swap_remove(index));
        drop(free);
        let gate = gate.unwrap_or_else(|| {
            Box::leak(Box::new(Gate {
                closed: AtomicBool::new(false),
                inner: Mutex::new(Inner::default()),
            }))
        });
        let mut inner = gate.lock();
        let Inner {
            used,
            free,
            ended,
            cut,
            ..
        } = &mut *inner;
        free.extend(used.drain(..).map(|used| used.counters));
        ended.clear();
        cut.clear();
        inner.on_idle = Some(Arc::new(on_idle));
        drop(inner);
        gate.closed.store(false, SeqCst);
        Self(gate)
    }

    /// Counters for a scope of that name.
    pub(crate) fn counters(&self, name: &Arc<str>) -> &'static Counters {
        let mut inner = self.0.lock();
        let counters = inner.free.pop().unwrap_or_else(|| {
            Box::leak(Box::new(Counters {
                gate: self.0,
                shards: std::array::from_fn(|_| Shard(AtomicI64::new(0))),
                refused: AtomicU64::new(0),
            }))
        });
        inner.used.push(Used::new(Arc::clone(name), counters));
        counters
    }

    /// The scope is gone. What it left in flight stays counted, by its name.
    pub(crate) fn retire(&self, counters: &'static Counters) {
        let mut inner = self.0.lock();
        let place = inner
            .used
            .iter()
            .position(|used| std::ptr::eq(used.counters, counters));
        if let Some(place) = place.filter(|_| counters.sum() == 0) {
            let mut used = inner.used.swap_remove(place);
            let work = used.work();
            inner.ended.entry(used.name).or_default().add(work);
            inner.free.push(counters);
        }
    }

    /// Admits nothing more; returns what is in flight.
    pub(crate) fn close(&self) -> u64 {
        self.0.closed.store(true, SeqCst);
        self.in_flight()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.0.sum()
    }

    /// Counts a unit that is cut, and ends by it.
    #[cfg_attr(
        not(any(feature = "axum", test)),
        expect(dead_code, reason = "only servers cut work")
    )]
    pub(crate) fn note_cut(&self, name: &Arc<str>) {
        add(&mut self.0.lock().cut, name, 1);
    }

    /// What is in flight or was cut, by the name of its scope.
    pub(crate) fn by_name(&self) -> Vec<(Arc<str>, u64)> {
        let inner = self.0.lock();
        let mut names = inner.cut.clone();
        for Used { name, counters, .. } in &inner.used {
            add(&mut names, name, counters.sum());
        }
        names.retain(|(_, count)| *count > 0);
        names
    }
}

fn add(names: &mut Vec<(Arc<str>, u64)>, name: &Arc<str>, count: u64) {
    match names.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => *known += count,
        None => names.push((Arc::clone(name), count)),
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        // A model begins with gates of its own.
        if cfg!(all(test, lifecycle_loom)) {
            return;
        }
        self.0.closed.store(true, SeqCst);
        let on_idle = self.0.lock().on_idle.take();
        drop(on_idle);
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(self.0);
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sum(&self) -> u64 {
        let inner = self.lock();
        inner.used.iter().map(|used| used.counters.sum()).sum()
    }
}

impl Counters {
    pub(crate) fn admit(&'static self) -> Result<InFlight, Draining> {
        self.admit_on(shard_of_thread())
    }

    fn admit_on(&'static self, shard: usize) -> Result<InFlight, Draining> {
        let shard = &self.shards[shard];
        shard.0.fetch_add(ADMITTED, SeqCst);
        if self.gate.closed.load(SeqCst) {
            return Err(self.refuse(shard));
        }
        Ok(InFlight {
            counters: self,
            shard,
        })
    }

    #[cold]
    fn refuse(&self, shard: &Shard) -> Draining {
        shard.0.fetch_sub(ADMITTED, SeqCst);
        self.refused.fetch_add(1, Relaxed);
        self.taken_back();
        Draining
    }

    fn sum(&self) -> u64 {
        let halves = self.shards.iter().map(Shard::halves);
        halves.map(|(in_flight, _)| u64::from(in_flight)).sum()
    }

    #[cold]
    fn taken_back(&self) {
        if self.sum() == 0 {
            let on_idle = self.gate.lock().on_idle.clone();
            if let Some(on_idle) = on_idle {
                on_idle();
            }
        }
    }
}

impl Shard {
    /// What is in flight, and how often something was admitted, modulo 2^32.
    fn halves(&self) -> (u32, u32) {
        let value = self.0.load(SeqCst);
        (value as u32, (value >> 32) as u32)
    }
}

/// Which counter the calling thread uses: threads take turns.
fn shard_of_thread() -> usize {
    use std::cell::Cell;

    const NONE: usize = usize::MAX;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static SHARD: Cell<usize> = const { Cell::new(NONE) });
    // Where a thread is ending, any counter does.
    SHARD
        .try_with(|shard| {
            if shard.get() == NONE {
                shard.set(NEXT.fetch_add(1, Relaxed) % SHARDS);
            }
            shard.get()
        })
        .unwrap_or(0)
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

impl Clone for InFlight {
    fn clone(&self) -> Self {
        self.shard.0.fetch_add(UNIT, SeqCst);
        Self {
            counters: self.counters,
            shard: self.shard,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shard.0.fetch_sub(UNIT, SeqCst);
        if self.counters.gate.closed.load(SeqCst) {
            self.counters.taken_back();
        }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InFlight")
    }
}

#[cfg(all(test, not(lifecycle_loom)))]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn many_threads_lose_no_unit_and_idle_is_never_early() {
        // More of them: `LIFECYCLE_ROUNDS`.
        let given = std::env::var("LIFECYCLE_ROUNDS").ok();
        let given = given.map(|rounds| rounds.parse().expect("a number of rounds"));
        let rounds = given.unwrap_or(if cfg!(miri) { 2 } else { 2_000 });
        for _ in 0..rounds {
            let (idle, is_idle) = channel();
            let admission = Admission::new(move || {
                let _ = idle.send(());
            });
            let counters = admission.counters(&"stress".into());
            let working = Arc::new(AtomicU64::new(0));
            thread::scope(|scope| {
                for _ in 0..4 {
                    let working = Arc::clone(&working);
                    scope.spawn(move || {
                        while let Ok(unit) = counters.admit() {
                            working.fetch_add(1, SeqCst);
                            let other = unit.clone();
                            drop(unit);
                            working.fetch_sub(1, SeqCst);
                            drop(other);
                        }
                    });
                }
                let mut left = admission.close();
                while left > 0 {
                    is_idle.recv().expect("who is last says so");
                    left = admission.in_flight();
                }
                assert_eq!(working.load(SeqCst), 0, "idle while somebody works");
            });
        }
    }

    #[test]
    fn what_is_left_is_counted_by_the_name_of_its_scope() {
        let admission = Admission::new(|| ());
        let (serve, idle) = (
            admission.counters(&"serve".into()),
            admission.counters(&"idle".into()),
        );
        let units =
            [serve.admit(), serve.admit(), idle.admit()].map(|unit| unit.expect("it is open"));
        assert_eq!(admission.close(), 3);
        let [first, _second, third] = units;
        drop((first, third));
        assert_eq!(admission.by_name(), [("serve".into(), 1)]);
        admission.retire(serve);
        assert_eq!(
            admission.in_flight(),
            1,
            "it is counted also when its scope is gone"
        );
        assert!(serve.admit().is_err());
    }

    #[test]
    fn what_was_cut_is_counted_although_it_has_ended_and_only_by_its_own_app() {
        let admission = Admission::new(|| ());
        let name = "serve".into();
        let serve = admission.counters(&name);
        let units = [serve.admit(), serve.admit()].map(|unit| unit.expect("it is open"));
        admission.close();
        admission.note_cut(&name);
        let [first, second] = units;
        drop(first);
        assert_eq!(admission.in_flight(), 1);
        assert_eq!(admission.by_name(), [(name, 2)]);
        drop((second, admission));
        assert_eq!(Admission::new(|| ()).by_name(), []);
    }

    #[test]
    fn an_app_does_not_count_what_another_one_left() {
        let first = Admission::new(|| ());
        let unit = first.counters(&"left".into()).admit().expect("it is open");
        drop(first);
        let second = Admission::new(|| ());
        assert_eq!(second.in_flight(), 0);
        let counters = second.counters(&"own".into());
        drop(unit);
        assert_eq!(second.in_flight(), 0);
        let unit = counters.admit().expect("it is open");
        assert_eq!(second.close(), 1);
        drop(unit);
    }
}

#[cfg(all(test, lifecycle_loom))]
mod models {
    use std::sync::Mutex;
    use std::sync::atomic::Ordering::Relaxed;

    use loom::sync::Notify;
    use loom::sync::atomic::AtomicBool;
    use loom::thread;

    use super::*;

    /// Whether the work of each thread has ended, as seen by whoever looks without any other help than admission's.
    type Ended = Arc<[AtomicBool; 2]>;

    fn look(ended: &Ended) -> [bool; 2] {
        [ended[0].load(Relaxed), ended[1].load(Relaxed)]
    }

    /// What had ended at each time that idle was reported. The model does not see this lock, so that it orders nothing.
    type Reports = Arc<Mutex<Vec<[bool; 2]>>>;

    fn taken(reports: &Reports) -> Vec<[bool; 2]> {
        std::mem::take(&mut reports.lock().expect("nobody panics under it"))
    }

    /// One whose every report of idle is written down.
    fn watched() -> (Admission, &'static Counters, Ended, Reports) {
        let ended: Ended = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let reports = Reports::default();
        let (seen, told) = (Arc::clone(&ended), Arc::clone(&reports));
        let admission = Admission::new(move || {
            let now = look(&seen);
            let mut reports = told.lock().expect("nobody panics under it");
            reports.push(now);
        });
        let counters = admission.counters(&"model".into());
        (admission, counters, ended, reports)
    }

    #[test]
    fn closing_counts_all_that_are_admitted_and_none_that_are_refused() {
        loom::model(|| {
            let (admission, counters, ended, reports) = watched();
            let threads = [0, 1].map(|id| {
                let ended = Arc::clone(&ended);
                thread::spawn(move || {
                    let unit = counters.admit_on(id);
                    let admitted = unit.is_ok();
                    ended[id].store(true, Relaxed);
                    admitted
                })
            });
            let counted = admission.close();
            let at_close = (counted == 0).then(|| look(&ended));
            let admitted = threads.map(|thread| thread.join().expect("it does not panic"));
            let reports = taken(&reports);
            assert!(counted <= 2, "{counted} are counted");
            assert!(counted == 0 || !reports.is_empty(), "idle is not reported");
            for ended in at_close.iter().chain(&reports) {
                for id in [0, 1] {
                    assert!(ended[id] || !admitted[id], "idle while {id} works");
                }
            }
            assert_eq!(admission.in_flight(), 0);
            assert!(counters.admit_on(0).is_err(), "admitted after the close");
        });
    }

    #[test]
    fn work_that_fans_out_is_idle_when_all_of_it_has_ended() {
        loom::model(|| {
            let (admission, counters, ended, reports) = watched();
            let first = counters.admit_on(0).expect("it is not closed");
            let second = first.clone();
            let threads = [first, second].into_iter().enumerate().map(|(id, unit)| {
                let ended = Arc::clone(&ended);
                thread::spawn(move || {
                    ended[id].store(true, Relaxed);
                    drop(unit);
                })
            });
            let threads: Vec<_> = threads.collect();
            if admission.close() == 0 {
                assert_eq!(look(&ended), [true; 2]);
            }
            for thread in threads {
                thread.join().expect("it does not panic");
            }
            let reports = taken(&reports);
            assert!(reports.iter().all(|ended| *ended == [true; 2]));
            assert!(reports.len() <= 2, "idle is reported by who did not end it");
        });
    }

    #[test]
    fn who_waits_until_nothing_is_in_flight_comes_to_an_end() {
        loom::model(|| {
            let idle = Arc::new(Notify::new());
            let told = Arc::clone(&idle);
            let admission = Admission::new(move || told.notify());
            let counters = admission.counters(&"model".into());
            let ended: Ended = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
            let threads = [0, 1].map(|id| {
                let ended = Arc::clone(&ended);
                thread::spawn(move || {
                    let unit = counters.admit_on(id);
                    ended[id].store(true, Relaxed);
                    unit.is_ok()
                })
            });
            let mut in_flight = admission.close();
            while in_flight > 0 {
                idle.wait();
                in_flight = admission.in_flight();
            }
            let seen = look(&ended);
            for (id, thread) in threads.into_iter().enumerate() {
                let admitted = thread.join().expect("it does not panic");
                assert!(seen[id] || !admitted, "over while {id} works");
            }
        });
    }
}
