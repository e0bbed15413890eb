//! [`Waiters`]: the tasks that wait for something, and [`Latch`]: something that happens once.
//!
//! Invariants:
//!
//! 1. What is waited for is visible before waiters are woken, and a waiter registers before it looks at that: of the two,
//!    one sees the other.
//! 2. [`Waiters::wake_own`] calls wakers of our own tasks only (see `own_task`), so that it neither blocks nor panics. The
//!    others are handed to the caller, who wakes each of them where it can block or panic without an effect on others.
//! 3. No waker is called, cloned or dropped under the lock.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use crate::base::sync::{AtomicBool, Mutex, MutexGuard, Notify};
use crate::scope::own_task::is_own;

/// The tasks that wait for a change.
#[derive(Debug)]
pub(crate) struct Waiters {
    own: Notify,
    foreign: Mutex<Foreign>,
}

/// The waiters whose wakers may be user code.
#[derive(Debug, Default)]
struct Foreign {
    /// The number of waiters so far, by which they are known.
    known: u64,
    /// In the order in which they began to wait.
    wakers: BTreeMap<u64, Waker>,
}

impl Waiters {
    pub(crate) fn new() -> Self {
        Self {
            own: Notify::new(),
            foreign: Mutex::new(Foreign::default()),
        }
    }

    /// Waits until `is_over`, which is looked at again whenever the waiters are woken.
    pub(crate) async fn wait(&self, is_over: impl Fn() -> bool) {
        loop {
            // Registered before it looks (invariant 1).
            let mut own = pin!(self.own.notified());
            if is_over() {
                return;
            }
            let mut foreign = ForeignWait {
                waiters: self,
                is_over: &is_over,
                id: None,
            };
            poll_fn(|context| {
                if is_own(context.waker()) {
                    own.as_mut().poll(context)
                } else {
                    Pin::new(&mut foreign).poll(context)
                }
            })
            .await;
        }
    }

    /// Wakes those of our own tasks, and returns the wakers of the others, which the caller has to wake.
    #[must_use = "the others have to be woken, too"]
    pub(crate) fn wake_own(&self) -> Vec<Waker> {
        self.own.notify_waiters();
        let wakers = std::mem::take(&mut self.foreign().wakers);
        wakers.into_values().collect()
    }

    fn foreign(&self) -> MutexGuard<'_, Foreign> {
        self.foreign.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits with a waker that may be user code.
struct ForeignWait<'a, F> {
    waiters: &'a Waiters,
    is_over: &'a F,
    id: Option<u64>,
}

impl<F: Fn() -> bool> Future for ForeignWait<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let replaced = {
            let mut foreign = self.waiters.foreign();
            let id = *self.id.get_or_insert_with(|| {
                foreign.known += 1;
                foreign.known
            });
            foreign.wakers.insert(id, waker)
        };
        drop(replaced);
        // After it has registered (invariant 1).
        if (self.is_over)() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl<F> Drop for ForeignWait<'_, F> {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let removed = self.waiters.foreign().wakers.remove(&id);
        drop(removed);
    }
}

/// Something that happens once, and can be waited for.
#[derive(Debug)]
pub(crate) struct Latch {
    is_set: AtomicBool,
    waiters: Waiters,
}

impl Latch {
    pub(crate) fn new() -> Self {
        Self {
            is_set: AtomicBool::new(false),
            waiters: Waiters::new(),
        }
    }

    /// Sets it; see [`Waiters::wake_own`].
    #[must_use = "the others have to be woken, too"]
    pub(crate) fn set(&self) -> Vec<Waker> {
        // Before the waiters are woken (invariant 1).
        self.is_set.store(true, Ordering::Release);
        self.waiters.wake_own()
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    pub(crate) async fn wait(&self) {
        self.waiters.wait(|| self.is_set()).await;
    }
}

#[cfg(all(test, lifecycle_loom))]
mod models {
    use std::sync::Arc;

    use loom::future::block_on;
    use loom::thread;

    use super::*;
    use crate::scope::own_task::polled;

    /// Waits as one of our own tasks.
    async fn wait_as_own(latch: &Latch) {
        let mut waiting = pin!(latch.wait());
        poll_fn(|context| polled(context, |context| waiting.as_mut().poll(context))).await;
    }

    #[test]
    fn a_latch_wakes_its_own_and_its_foreign_waiters() {
        loom::model(|| {
            let latch = Arc::new(Latch::new());
            let own = {
                let latch = Arc::clone(&latch);
                thread::spawn(move || block_on(wait_as_own(&latch)))
            };
            let foreign = {
                let latch = Arc::clone(&latch);
                thread::spawn(move || block_on(latch.wait()))
            };
            latch.set().into_iter().for_each(Waker::wake);
            own.join().expect("it does not panic");
            foreign.join().expect("it does not panic");
        });
    }
}
