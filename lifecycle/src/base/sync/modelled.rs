//! The same types as those of std and tokio, on loom.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering::{self, Acquire, SeqCst};
use std::task::{Context, Poll, Waker};

use loom::sync::atomic::fence;
pub(crate) use loom::sync::{Mutex, MutexGuard};
pub(crate) use loom::thread_local;

loom::thread_local! {
    static BEFORE: Cell<bool> = Cell::new(false);
}

/// Gives `SeqCst` its meaning. loom treats a `SeqCst` access as `AcqRel`, but supports `SeqCst` fences. A model
/// therefore has a fence between any two `SeqCst` accesses of a thread: of two threads that each store to one atomic
/// and then load the other's, at least one sees the store of the other. Accesses with weaker orderings get no fence, so
/// that a model does not pass by an ordering that the real code lacks.
fn in_one_order(ordering: Ordering) {
    if ordering == SeqCst && BEFORE.with(|before| before.replace(true)) {
        fence(SeqCst);
    }
}

macro_rules! atomics {
    ($($name:ident($value:ty): $($change:ident -> $result:ty),*;)*) => {$(
        #[derive(Debug)]
        pub(crate) struct $name(loom::sync::atomic::$name);

        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                in_one_order(ordering);
                self.0.load(ordering)
            }

            $(pub(crate) fn $change(&self, value: $value, ordering: Ordering) -> $result {
                in_one_order(ordering);
                self.0.$change(value, ordering)
            })*
        }
    )*};
}

atomics! {
    AtomicBool(bool): store -> (), swap -> bool;
    AtomicI64(i64): fetch_add -> i64, fetch_sub -> i64;
    AtomicU8(u8): store -> ();
}

impl AtomicU8 {
    pub(crate) fn compare_exchange(
        &self,
        from: u8,
        to: u8,
        changed: Ordering,
        seen: Ordering,
    ) -> Result<u8, u8> {
        in_one_order(changed);
        self.0.compare_exchange(from, to, changed, seen)
    }
}

/// The guarantee of tokio's `Notify` that the crate relies on: a `Notified` that was created before `notify_waiters` is
/// woken by it, even if it is polled only later.
#[derive(Debug)]
pub(crate) struct Notify {
    calls: loom::sync::atomic::AtomicUsize,
    wakers: Mutex<Vec<Waker>>,
}

#[derive(Debug)]
pub(crate) struct Notified<'a> {
    notify: &'a Notify,
    calls_before: usize,
}

impl Notify {
    pub(crate) fn new() -> Self {
        Self {
            calls: loom::sync::atomic::AtomicUsize::new(0),
            wakers: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        Notified {
            notify: self,
            calls_before: self.calls.load(Acquire),
        }
    }

    pub(crate) fn notify_waiters(&self) {
        let wakers = {
            let mut wakers = self.wakers.lock().expect("no panic under the lock");
            self.calls.fetch_add(1, Ordering::AcqRel);
            std::mem::take(&mut *wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut wakers = self.notify.wakers.lock().expect("no panic under the lock");
        if self.notify.calls.load(Acquire) != self.calls_before {
            return Poll::Ready(());
        }
        wakers.push(context.waker().clone());
        Poll::Pending
    }
}
