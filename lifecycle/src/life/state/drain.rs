//! [`Drain`]: what the drain waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::api::event::PendingWork;

#[derive(Default)]
pub(crate) struct Drain {
    /// From here on nothing is restarted and no further run is begun.
    pub(crate) begun: bool,
    /// Its time is over.
    pub(crate) over: bool,
    /// Workers of the group that was asked to stop last and that have not ended.
    pub(crate) group_pending: usize,
    /// The pending work that an event has reported last.
    pub(crate) reported: PendingWork,
    /// Admitted work that had to be aborted, by the name of its scope.
    pub(crate) aborted_work: Vec<(Arc<str>, u64)>,
    /// That nothing is in flight is on its way to the driver. Set where work ends, so that at most one such input is queued:
    /// refused admissions, too, come to nothing in flight again and again.
    idle_queued: Arc<AtomicBool>,
}

impl Drain {
    /// Calls `queue` whenever nothing is in flight, unless the driver has yet to look at the call before.
    pub(crate) fn on_idle(
        &self,
        queue: impl Fn() + Send + Sync + 'static,
    ) -> impl Fn() + Send + Sync + 'static {
        let queued = Arc::clone(&self.idle_queued);
        move || {
            if !queued.swap(true, Ordering::SeqCst) {
                queue();
            }
        }
    }

    /// The driver looks at it: the next time is news again. What ends from here on is seen after the input, or queues
    /// another one.
    pub(crate) fn idle_seen(&self) {
        self.idle_queued.store(false, Ordering::SeqCst);
    }

    pub(crate) fn worker_ended(&mut self) {
        self.group_pending = self.group_pending.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn idle_is_queued_once_until_it_is_seen() {
        let queued = Arc::new(AtomicU32::new(0));
        let drain = Drain::default();
        let counter = Arc::clone(&queued);
        let idle = drain.on_idle(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        idle();
        idle();
        assert_eq!(queued.load(Ordering::Relaxed), 1);
        drain.idle_seen();
        idle();
        assert_eq!(queued.load(Ordering::Relaxed), 2);
    }
}
