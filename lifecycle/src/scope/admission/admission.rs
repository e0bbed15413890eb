//! [`Admission`]: the admission of one app, with the counters of its scopes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError};

use super::counters::Counters;
use super::gate::Gate;
use super::totals::{Used, Work};
use crate::base::sync::{Mutex, MutexGuard};

/// The admission of an app.
pub(crate) struct Admission(&'static Shared);

/// What the scopes of an app share. It is never freed, so that a unit in flight may outlive its app; once all units have
/// ended, the next app uses it again.
struct Shared {
    gate: Gate,
    book: Mutex<Book>,
}

/// The counters of an app's scopes.
#[derive(Default)]
struct Book {
    used: Vec<Used>,
    free: Vec<&'static Counters>,
    /// What scopes that have been dropped had counted, by their name.
    ended: BTreeMap<Arc<str>, Work>,
    /// Units that ended because they were aborted, by the name of their scope.
    aborted: Vec<(Arc<str>, u64)>,
}

/// What apps that have ended can pass on to the next one.
static FREE: std::sync::Mutex<Vec<&'static Shared>> = std::sync::Mutex::new(Vec::new());

impl Admission {
    /// Opens the admission of an app. After it is closed, `on_idle` is called whenever the work of a scope reaches zero.
    pub(crate) fn new(on_idle: impl Fn() + Send + Sync + 'static) -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        // An app may have ended with work in flight. What it used is free once that has ended, too (invariant 5).
        let again = free.iter().position(|shared| shared.sum() == 0);
        let shared = again.map(|index| free.swap_remove(index));
        drop(free);
        let shared = shared.unwrap_or_else(|| {
            Box::leak(Box::new(Shared {
                gate: Gate::new(),
                book: Mutex::new(Book::default()),
            }))
        });
        let mut book = shared.lock();
        let Book {
            used,
            free,
            ended,
            aborted,
        } = &mut *book;
        free.extend(used.drain(..).map(|used| used.counters));
        ended.clear();
        aborted.clear();
        drop(book);
        shared.gate.open(Arc::new(on_idle));
        Self(shared)
    }

    /// Returns counters for a scope of this name.
    pub(crate) fn counters(&self, name: &Arc<str>) -> &'static Counters {
        let mut book = self.0.lock();
        let counters = book
            .free
            .pop()
            .unwrap_or_else(|| Box::leak(Box::new(Counters::new(&self.0.gate))));
        book.used.push(Used::new(Arc::clone(name), counters));
        counters
    }

    /// Frees the counters of a scope that has been dropped, if nothing is in flight on them. Otherwise they stay in use, so
    /// that its pending work remains counted by its name.
    pub(crate) fn retire(&self, counters: &'static Counters) {
        let mut book = self.0.lock();
        let index = book
            .used
            .iter()
            .position(|used| std::ptr::eq(used.counters, counters));
        if let Some(index) = index.filter(|_| counters.sum() == 0) {
            let mut used = book.used.swap_remove(index);
            let work = used.work();
            book.ended.entry(used.name).or_default().add(work);
            book.free.push(counters);
        }
    }

    /// Closes admission and returns what is in flight.
    pub(crate) fn close(&self) -> u64 {
        self.0.gate.close();
        self.in_flight()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.0.sum()
    }

    /// Counts a unit that is aborted, and ends by that.
    #[cfg_attr(
        not(any(feature = "axum", test)),
        expect(dead_code, reason = "only servers abort work in flight")
    )]
    pub(crate) fn note_aborted(&self, name: &Arc<str>) {
        add(&mut self.0.lock().aborted, name, 1);
    }

    /// What is in flight or was aborted, by the name of its scope.
    pub(crate) fn by_name(&self) -> Vec<(Arc<str>, u64)> {
        let book = self.0.lock();
        let mut names = book.aborted.clone();
        for Used { name, counters, .. } in &book.used {
            add(&mut names, name, counters.sum());
        }
        names.retain(|(_, count)| *count > 0);
        names
    }

    /// All work of the app so far, by the name of its scope.
    #[cfg_attr(
        not(feature = "admin"),
        allow(dead_code, reason = "only metrics show it")
    )]
    pub(crate) fn work(&self) -> BTreeMap<Arc<str>, Work> {
        let mut book = self.0.lock();
        let mut all = book.ended.clone();
        for used in &mut book.used {
            let work = used.work();
            all.entry(Arc::clone(&used.name)).or_default().add(work);
        }
        all
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
        // Each run of a loom model needs a gate of its own, since its atomics belong to that run.
        if cfg!(all(test, lifecycle_loom)) {
            return;
        }
        self.0.gate.retire();
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(self.0);
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sum(&self) -> u64 {
        let book = self.lock();
        book.used.iter().map(|used| used.counters.sum()).sum()
    }
}

#[cfg(all(test, not(lifecycle_loom)))]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn concurrent_units_are_all_counted_and_idle_is_never_early() {
        // `LIFECYCLE_ROUNDS` sets another number.
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
                let mut pending = admission.close();
                while pending > 0 {
                    is_idle.recv().expect("the last unit reports idle");
                    pending = admission.in_flight();
                }
                assert_eq!(working.load(SeqCst), 0, "idle while a thread works");
            });
        }
    }

    #[test]
    fn pending_work_is_counted_by_the_name_of_its_scope() {
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
            "it is counted after its scope has been dropped"
        );
        assert!(serve.admit().is_err());
    }

    #[test]
    fn aborted_work_is_counted_after_its_end_and_only_by_its_own_app() {
        let admission = Admission::new(|| ());
        let name = "serve".into();
        let serve = admission.counters(&name);
        let units = [serve.admit(), serve.admit()].map(|unit| unit.expect("it is open"));
        admission.close();
        admission.note_aborted(&name);
        let [first, second] = units;
        drop(first);
        assert_eq!(admission.in_flight(), 1);
        assert_eq!(admission.by_name(), [(name, 2)]);
        drop((second, admission));
        assert_eq!(Admission::new(|| ()).by_name(), []);
    }

    #[test]
    fn pending_work_of_an_earlier_app_is_not_counted() {
        let first = Admission::new(|| ());
        let unit = first
            .counters(&"pending".into())
            .admit()
            .expect("it is open");
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

    /// Whether the work of each thread has ended, as seen by a thread that synchronizes through the admission only.
    type Ended = Arc<[AtomicBool; 2]>;

    fn look(ended: &Ended) -> [bool; 2] {
        [ended[0].load(Relaxed), ended[1].load(Relaxed)]
    }

    /// Which work had ended at each report of idle. The lock is not modelled, so that it does not order anything.
    type Reports = Arc<Mutex<Vec<[bool; 2]>>>;

    fn taken(reports: &Reports) -> Vec<[bool; 2]> {
        std::mem::take(&mut reports.lock().expect("no panic while it is locked"))
    }

    /// An admission whose reports of idle are recorded.
    fn watched() -> (Admission, &'static Counters, Ended, Reports) {
        let ended: Ended = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let reports = Reports::default();
        let (seen, log) = (Arc::clone(&ended), Arc::clone(&reports));
        let admission = Admission::new(move || {
            let now = look(&seen);
            let mut reports = log.lock().expect("no panic while it is locked");
            reports.push(now);
        });
        let counters = admission.counters(&"model".into());
        (admission, counters, ended, reports)
    }

    #[test]
    fn closing_counts_admitted_units_and_no_refused_ones() {
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
    fn work_that_fans_out_is_idle_once_all_of_it_has_ended() {
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
            assert!(
                reports.len() <= 2,
                "idle is reported by a unit that did not end it"
            );
        });
    }

    #[test]
    fn waiting_until_nothing_is_in_flight_ends() {
        loom::model(|| {
            let idle = Arc::new(Notify::new());
            let notify = Arc::clone(&idle);
            let admission = Admission::new(move || notify.notify());
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
