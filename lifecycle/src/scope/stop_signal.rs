//! [`StopSignal`]: what tells a scope to stop, and until when.
//!
//! Invariants:
//!
//! 1. `told` goes from false to true once, after the times are set: who sees it sees them.
//! 2. `told` is set before its waiters are woken: who registers with `waiters` before looking at it cannot miss it.
//! 3. The times change under their lock: more time is granted only within the limit that holds.
//! 4. Whoever tells wakes the waiters, also when it tells again: who registers before looking at the times cannot miss
//!    that they have moved earlier.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::sync::{AtomicBool, Mutex, MutexGuard, Notify};

#[derive(Debug)]
pub(crate) struct StopSignal {
    told: AtomicBool,
    waiters: Notify,
    times: Mutex<Option<Times>>,
}

/// When a scope is cut off, and how far it may move that later.
#[derive(Debug, Clone, Copy)]
struct Times {
    abort_at: Instant,
    limit: Instant,
}

impl StopSignal {
    pub(crate) fn new() -> Self {
        Self {
            told: AtomicBool::new(false),
            waiters: Notify::new(),
            times: Mutex::new(None),
        }
    }

    /// Tells whoever waits. Told again, only the times change.
    pub(crate) fn request_stop(&self, abort_at: Instant, limit: Instant) {
        let limit = limit.max(abort_at);
        *self.times() = Some(Times { abort_at, limit });
        self.told.store(true, Ordering::Release);
        self.waiters.notify_waiters();
    }

    pub(crate) fn is_stop_requested(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }

    pub(crate) async fn stop_requested(&self) {
        // Registered from here on, so that nothing can fall between (invariant 2).
        let told = self.waiters.notified();
        if !self.is_stop_requested() {
            told.await;
        }
    }

    /// Waits until it is told and no more than `margin` is left before the cut, wherever that has moved by then.
    pub(crate) async fn deadline_within(&self, margin: Duration) {
        loop {
            let told_again = self.waiters.notified();
            if !self.is_stop_requested() {
                told_again.await;
                continue;
            }
            let due = self.abort_at().and_then(|at| at.checked_sub(margin));
            let Some(due) = due.filter(|due| *due > Instant::now()) else {
                return;
            };
            let _ = tokio::time::timeout_at(due, told_again).await;
        }
    }

    pub(crate) fn abort_at(&self) -> Option<Instant> {
        self.times().map(|times| times.abort_at)
    }

    /// Moves the cut later, as far as the limit allows, and returns by how much.
    pub(crate) fn extend(&self, by: Duration) -> Duration {
        let mut times = self.times();
        let Some(times) = &mut *times else {
            return Duration::ZERO;
        };
        let by = by.min(times.limit - times.abort_at);
        times.abort_at += by;
        by
    }

    fn times(&self) -> MutexGuard<'_, Option<Times>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, lifecycle_loom))]
mod models {
    use std::sync::Arc;

    use loom::future::block_on;
    use loom::thread;

    use super::*;

    fn later(by: u64) -> Duration {
        Duration::from_secs(by)
    }

    #[test]
    fn all_who_wait_are_woken_and_see_the_times() {
        let now = Instant::now();
        loom::model(move || {
            let stop_signal = Arc::new(StopSignal::new());
            let waiters = [0, 1].map(|_| {
                let stop_signal = Arc::clone(&stop_signal);
                thread::spawn(move || {
                    block_on(stop_signal.stop_requested());
                    assert_eq!(stop_signal.abort_at(), Some(now + later(1)));
                })
            });
            stop_signal.request_stop(now + later(1), now + later(2));
            for waiter in waiters {
                waiter.join().expect("it does not panic");
            }
        });
    }

    #[test]
    fn who_sees_that_it_is_told_sees_the_times() {
        let now = Instant::now();
        loom::model(move || {
            let stop_signal = Arc::new(StopSignal::new());
            let teller = {
                let stop_signal = Arc::clone(&stop_signal);
                thread::spawn(move || stop_signal.request_stop(now + later(1), now + later(2)))
            };
            if stop_signal.is_stop_requested() {
                assert_eq!(stop_signal.abort_at(), Some(now + later(1)));
            }
            teller.join().expect("it does not panic");
            assert!(stop_signal.is_stop_requested());
        });
    }

    #[test]
    fn no_more_time_is_granted_than_who_told_last_allows() {
        let now = Instant::now();
        loom::model(move || {
            let stop_signal = Arc::new(StopSignal::new());
            stop_signal.request_stop(now + later(10), now + later(20));
            let asks = [0, 1].map(|_| {
                let stop_signal = Arc::clone(&stop_signal);
                thread::spawn(move || stop_signal.extend(later(7)))
            });
            stop_signal.request_stop(now + later(2), now + later(5));
            let granted = asks.map(|ask| ask.join().expect("it does not panic"));
            assert!(granted.iter().all(|granted| *granted <= later(7)));
            assert!(granted.iter().sum::<Duration>() <= later(10 + 3));
            assert!(stop_signal.abort_at() <= Some(now + later(5)));
        });
    }
}
