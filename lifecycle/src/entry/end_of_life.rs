//! [`EndOfLife`]: the report of a life that has ended, for the tasks that wait for it.
//!
//! Not a channel: to wake those tasks may run user code, which must keep neither the thread that ends the life nor other
//! tasks from going on.

use std::sync::{Arc, OnceLock};

use crate::life::foreign_wakers;
use crate::life::hook_threads::HookThreads;
use crate::report::Report;
use crate::scope::waiters::Latch;

/// What a life leaves behind.
pub(super) struct EndOfLife {
    report: OnceLock<Report>,
    has_ended: Latch,
}

/// Ends the wait, also when it is dropped: then there is no report.
pub(super) struct Ender {
    end: Arc<EndOfLife>,
    threads: HookThreads,
}

impl EndOfLife {
    pub(super) fn new(threads: HookThreads) -> (Ender, Arc<Self>) {
        let end = Arc::new(Self {
            report: OnceLock::new(),
            has_ended: Latch::new(),
        });
        let ender = Ender {
            end: Arc::clone(&end),
            threads,
        };
        (ender, end)
    }

    /// Waits for the end; `None` where what drove the life is gone without one.
    pub(super) async fn report(&self) -> Option<Report> {
        self.has_ended.wait().await;
        self.report.get().cloned()
    }
}

impl Ender {
    pub(super) fn end(self, report: Report) {
        let _ = self.end.report.set(report);
    }
}

impl Drop for Ender {
    fn drop(&mut self) {
        foreign_wakers::wake(&self.threads, self.end.has_ended.set());
    }
}
