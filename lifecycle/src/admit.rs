//! Admission: counting work in flight, and closing, as one atomic step.
//!
//! Invariants:
//!
//! 1. Whoever adds and then sees `closed` unset is counted by the close: of {add, load closed} and {store closed, sum}
//!    one sees the other, since all four are sequentially consistent.
//! 2. Whoever sees `closed` set after adding takes its unit back and is refused.
//! 3. After closing, whoever brings the sum to zero reports it. It looks at the sum again once it has seen `closed`, since
//!    others may have been admitted in between; so it may be reported more than once, never too early.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use crate::sync::{AtomicBool, AtomicI64};

/// Counts work in flight for an app.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Counter>);

struct Counter {
    in_flight: AtomicI64,
    closed: AtomicBool,
    on_idle: Box<dyn Fn() + Send + Sync>,
}

/// One unit of work in flight: the drain waits until it is dropped. A clone counts as another unit, also while draining,
/// so that admitted work can fan out.
#[must_use = "the work counts as ended when this is dropped"]
pub struct InFlight(Arc<Counter>);

/// The app is draining: no new work is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the app is stopping and admits no new work")]
pub struct Draining;

impl Admission {
    /// `on_idle` is called whenever, after closing, nothing is in flight any more.
    pub(crate) fn new(on_idle: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Counter {
            in_flight: AtomicI64::new(0),
            closed: AtomicBool::new(false),
            on_idle: Box::new(on_idle),
        }))
    }

    pub(crate) fn admit(&self) -> Result<InFlight, Draining> {
        self.0.in_flight.fetch_add(1, SeqCst);
        let unit = InFlight(Arc::clone(&self.0));
        if self.0.closed.load(SeqCst) {
            return Err(Draining);
        }
        Ok(unit)
    }

    /// Admits nothing more; returns what is in flight.
    pub(crate) fn close(&self) -> u64 {
        self.0.closed.store(true, SeqCst);
        self.in_flight()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        u64::try_from(self.0.in_flight.load(SeqCst)).unwrap_or(0)
    }
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
        self.0.in_flight.fetch_add(1, SeqCst);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, SeqCst) == 1
            && self.0.closed.load(SeqCst)
            && self.0.in_flight.load(SeqCst) == 0
        {
            (self.0.on_idle)();
        }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InFlight")
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

    fn watched() -> (Admission, Ended, Reports) {
        let ended: Ended = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let reports = Reports::default();
        let (seen, told) = (Arc::clone(&ended), Arc::clone(&reports));
        let admission = Admission::new(move || {
            let now = look(&seen);
            let mut reports = told.lock().expect("nobody panics under it");
            reports.push(now);
        });
        (admission, ended, reports)
    }

    #[test]
    fn closing_counts_all_that_are_admitted_and_none_that_are_refused() {
        loom::model(|| {
            let (admission, ended, reports) = watched();
            let threads = [0, 1].map(|id| {
                let (admission, ended) = (admission.clone(), Arc::clone(&ended));
                thread::spawn(move || {
                    let unit = admission.admit();
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
            assert!(admission.admit().is_err(), "admitted after the close");
        });
    }

    #[test]
    fn work_that_fans_out_is_idle_when_all_of_it_has_ended() {
        loom::model(|| {
            let (admission, ended, reports) = watched();
            let first = admission.admit().expect("it is not closed");
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
            assert!(reports.len() <= 1, "idle is reported twice");
        });
    }

    #[test]
    fn who_waits_until_nothing_is_in_flight_comes_to_an_end() {
        loom::model(|| {
            let idle = Arc::new(Notify::new());
            let told = Arc::clone(&idle);
            let admission = Admission::new(move || told.notify());
            let ended: Ended = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
            let threads = [0, 1].map(|id| {
                let (admission, ended) = (admission.clone(), Arc::clone(&ended));
                thread::spawn(move || {
                    let unit = admission.admit();
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
