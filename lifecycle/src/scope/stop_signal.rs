//! [`StopSignal`]: asks a scope to stop, and says how long it may still run.
//!
//! Invariants:
//!
//! 1. `requested` changes from false to true once, and only after the times are set: a thread that sees it set sees the
//!    times. The store is `Release` and the load `Acquire` for that reason.
//! 2. `requested` is set before the waiters are woken: a waiter that registers with `waiters` before it loads the flag
//!    cannot miss the request.
//! 3. The times change under their lock: an extension is granted only within the limit that holds at that moment.
//! 4. Every request wakes the waiters, a repeated one too: a waiter that registers before it reads the times cannot miss
//!    that they have moved earlier.
//! 5. A request calls no waker of user code: it returns those, see [`Waiters`].

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::sync::{AtomicBool, Mutex, MutexGuard};
use crate::scope::waiters::Waiters;

#[derive(Debug)]
pub(crate) struct StopSignal {
    requested: AtomicBool,
    waiters: Waiters,
    times: Mutex<Option<Times>>,
}

/// When the work of a scope is aborted, and how far that may move.
#[derive(Debug, Clone, Copy)]
struct Times {
    abort_at: Instant,
    limit: Instant,
}

impl StopSignal {
    pub(crate) fn new() -> Self {
        Self {
            requested: AtomicBool::new(false),
            waiters: Waiters::new(),
            times: Mutex::new(None),
        }
    }

    /// Asks to stop and wakes the waiters, except those that it returns. A repeated request changes the times only.
    #[must_use = "the other waiters have to be woken, too"]
    pub(crate) fn request_stop(&self, abort_at: Instant, limit: Instant) -> Vec<Waker> {
        let limit = limit.max(abort_at);
        *self.times() = Some(Times { abort_at, limit });
        // After the times, and before the waiters are woken (invariants 1 and 2).
        self.requested.store(true, Ordering::Release);
        self.waiters.wake_own()
    }

    pub(crate) fn is_stop_requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    pub(crate) async fn stop_requested(&self) {
        self.waiters.wait(|| self.is_stop_requested()).await;
    }

    /// Waits until a stop is requested and `abort_at`, wherever it has moved by then, is at most `margin` away.
    pub(crate) async fn deadline_within(&self, margin: Duration) {
        loop {
            let abort_at = self.abort_at();
            // Registered before the times are read again, so that earlier ones are not missed (invariant 4). Later ones need
            // no wake-up: the loop reads the times again when the instant that it waits for has passed.
            let has_moved = self.waiters.wait(|| self.abort_at() != abort_at);
            let Some(abort_at) = abort_at else {
                has_moved.await;
                continue;
            };
            let due = abort_at.checked_sub(margin);
            let Some(due) = due.filter(|due| *due > Instant::now()) else {
                return;
            };
            let _ = tokio::time::timeout_at(due, has_moved).await;
        }
    }

    pub(crate) fn abort_at(&self) -> Option<Instant> {
        self.times().map(|times| times.abort_at)
    }

    /// Moves `abort_at` later, as far as the limit allows, and returns by how much.
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
    fn all_waiters_are_woken_and_see_the_times() {
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
            let others = stop_signal.request_stop(now + later(1), now + later(2));
            others.into_iter().for_each(Waker::wake);
            for waiter in waiters {
                waiter.join().expect("it does not panic");
            }
        });
    }

    #[test]
    fn a_visible_request_has_visible_times() {
        let now = Instant::now();
        loom::model(move || {
            let stop_signal = Arc::new(StopSignal::new());
            let requester = {
                let stop_signal = Arc::clone(&stop_signal);
                thread::spawn(move || {
                    drop(stop_signal.request_stop(now + later(1), now + later(2)))
                })
            };
            if stop_signal.is_stop_requested() {
                assert_eq!(stop_signal.abort_at(), Some(now + later(1)));
            }
            requester.join().expect("it does not panic");
            assert!(stop_signal.is_stop_requested());
        });
    }

    #[test]
    fn extensions_stay_within_the_limit_of_the_last_request() {
        let now = Instant::now();
        loom::model(move || {
            let stop_signal = Arc::new(StopSignal::new());
            drop(stop_signal.request_stop(now + later(10), now + later(20)));
            let extensions = [0, 1].map(|_| {
                let stop_signal = Arc::clone(&stop_signal);
                thread::spawn(move || stop_signal.extend(later(7)))
            });
            drop(stop_signal.request_stop(now + later(2), now + later(5)));
            let granted = extensions.map(|extension| extension.join().expect("it does not panic"));
            assert!(granted.iter().all(|granted| *granted <= later(7)));
            assert!(granted.iter().sum::<Duration>() <= later(10 + 3));
            assert!(stop_signal.abort_at() <= Some(now + later(5)));
        });
    }
}
