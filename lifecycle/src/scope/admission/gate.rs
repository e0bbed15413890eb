//! [`Gate`]: whether an app admits work, and what is called when the work of a scope has ended after it was closed.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, PoisonError};

use crate::base::sync::{AtomicBool, Mutex, MutexGuard};

/// What every unit of an app's work in flight looks at.
pub(super) struct Gate {
    closed: AtomicBool,
    on_idle: Mutex<Option<OnIdle>>,
}

type OnIdle = Arc<dyn Fn() + Send + Sync>;

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            closed: AtomicBool::new(false),
            on_idle: Mutex::new(None),
        }
    }

    /// Opens the gate for an app. Nothing is in flight: a unit that was would report to that app.
    pub(super) fn open(&self, on_idle: OnIdle) {
        *self.on_idle() = Some(on_idle);
        self.closed.store(false, SeqCst);
    }

    /// One of the four operations of invariant 1.
    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    /// One of the four operations of invariant 1.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    /// Reports to the app that work of a scope reached zero.
    #[cold]
    pub(super) fn report_idle(&self) {
        // Called without the lock, which the callback may take again.
        let on_idle = self.on_idle().clone();
        if let Some(on_idle) = on_idle {
            on_idle();
        }
    }

    /// Closes the gate for good on behalf of an app that ends, and reports nothing to it any more.
    pub(super) fn retire(&self) {
        self.close();
        // What it holds is dropped without the lock.
        let on_idle = self.on_idle().take();
        drop(on_idle);
    }

    fn on_idle(&self) -> MutexGuard<'_, Option<OnIdle>> {
        self.on_idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
