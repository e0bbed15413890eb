//! Tells the wakers of our own tasks from those of user code.
//!
//! To wake a task calls the code of its waker. That of a task which we have spawned on a runtime is tokio's, which neither
//! blocks nor panics; any other one may be user code: a hand-written executor, a combinator with wakers of its own, a
//! `LocalSet` that one of these polls.

#![allow(
    clippy::missing_const_for_thread_local,
    reason = "the macro of loom takes no `const` block"
)]

use std::cell::Cell;
use std::ptr::null;
use std::task::{Context, Waker};

use crate::base::sync::thread_local;

/// What identifies a waker: its data and its vtable.
type Identity = (*const (), *const ());

thread_local! {
    /// The waker of the task that the thread polls, where that is one of ours.
    static OWN: Cell<Identity> = Cell::new((null(), null()));
}

fn identity(waker: &Waker) -> Identity {
    (waker.data(), std::ptr::from_ref(waker.vtable()).cast())
}

/// Polls a future that we have spawned on a runtime, or passed to its `block_on`: within `poll`, this waker is our own.
pub(crate) fn polled<T>(context: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
    /// Restores what was there before, also when the poll panics.
    struct Restore(Identity);

    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = OWN.try_with(|own| own.set(self.0));
        }
    }

    let _restore = Restore(OWN.with(|own| own.replace(identity(context.waker()))));
    poll(context)
}

/// Whether the waker belongs to the task of ours that the thread polls.
pub(crate) fn is_own(waker: &Waker) -> bool {
    OWN.try_with(|own| own.get() == identity(waker))
        .unwrap_or(false)
}

#[cfg(all(test, not(lifecycle_loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_the_waker_of_the_polled_task_is_own() {
        let waker = Waker::noop();
        assert!(!is_own(waker));
        let mut context = Context::from_waker(waker);
        polled(&mut context, |context| {
            assert!(is_own(context.waker()));
            assert!(is_own(&waker.clone()));
        });
        assert!(!is_own(waker));
        let unwound = std::panic::catch_unwind(|| {
            polled(&mut Context::from_waker(waker), |_| {
                panic!("a poll's panic")
            })
        });
        assert!(unwound.is_err());
        assert!(!is_own(waker));
    }
}
