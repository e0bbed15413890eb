//! [`Emergency`]: the hooks, and the threads that run them, which are made before the first start.
//!
//! Invariants:
//!
//! 1. A hook runs at most once: its [`Slot`] sees to that.
//! 2. Slots stand in stop order. [`Emergency::begin`] goes through them in that order, one at a time, each for an equal
//!    share of what remains; a hook that hangs keeps its thread and the next one goes on with another.
//! 3. No user code runs under a lock.
//! 4. From the moment that [`Emergency::new`] has returned, to run a hook and all that follows it takes no memory and
//!    gives none back, so that a hook runs also where the allocator is stuck: threads report ready when they have all
//!    that they need, ends are states that the driver reads, and a hook that was called is kept until the driver takes it.
//! 5. A hook that hangs costs its thread, not the hooks that wait for one: where all threads hang another one is made.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::slot::{EmergencyEnd, Hook, Slot};

const MOST_THREADS: usize = 16;
const NEVER: u64 = u64::MAX;

/// The emergency hooks of an app and the threads that run them, which live until [`Emergency::close`].
pub(crate) struct Emergency(Arc<Shared>);

struct Shared {
    slots: Box<[Slot]>,
    /// Also those that hang in a hook. With room for as many more as there are hooks, so that the lock is never held
    /// over an allocation.
    runners: Mutex<Vec<Thread>>,
    conductor: OnceLock<Thread>,
    made: Instant,
    /// Until when all that are armed are to be run, in nanoseconds since `made`; set once, also by a signal handler.
    until: AtomicU64,
    over: AtomicBool,
    /// The signal that forced it, 0 while none has.
    forced: AtomicI32,
    closed: AtomicBool,
    /// How many threads have all that they need, and the thread that waits for that.
    ready: AtomicUsize,
    maker: Thread,
    /// Wakes the driver: a hook has ended, or all are through.
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Emergency {
    /// Makes the threads, for as many hooks; they are ready when this returns. `wake` is called whenever a hook that was
    /// due has ended, and when all are through: it must not take memory.
    pub(crate) fn new(
        hooks: usize,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            slots: (0..hooks).map(|_| Slot::new()).collect(),
            runners: Mutex::new(Vec::with_capacity(hooks.min(MOST_THREADS) + hooks)),
            conductor: OnceLock::new(),
            made: Instant::now(),
            until: AtomicU64::new(NEVER),
            over: AtomicBool::new(hooks == 0),
            forced: AtomicI32::new(0),
            closed: AtomicBool::new(false),
            ready: AtomicUsize::new(0),
            maker: thread::current(),
            wake: Box::new(wake),
        });
        let made = shared.make_threads(hooks);
        let emergency = Self(shared);
        if made.is_err() {
            // Those that could be made.
            emergency.close();
        }
        made.map(|()| emergency)
    }

    /// The component is up: from now on its hook is due when all are.
    pub(crate) fn arm(&self, index: usize, hook: Hook) {
        let slot = &self.0.slots[index];
        // All may have been run already: then this one follows.
        if slot.arm(hook, || self.0.until().is_some()) {
            self.0.wake_runners();
        }
    }

    /// The component has stopped gracefully: its hook is never called. Returns false when it has been called already, or is now.
    pub(crate) fn disarm(&self, index: usize) -> bool {
        self.0.slots[index].disarm()
    }

    /// Runs one hook now. Returns whether its end is still to come: others may have made it due before.
    pub(crate) fn run(&self, index: usize) -> bool {
        let slot = &self.0.slots[index];
        if slot.make_due() {
            self.0.wake_runners();
            return true;
        }
        slot.is_pending()
    }

    /// Stops waiting for a hook; false when it has ended.
    pub(crate) fn give_up(&self, index: usize) -> bool {
        self.0.give_up(index)
    }

    /// How a hook that was due has ended; only the first call after its end returns that.
    pub(crate) fn take_end(&self, index: usize) -> Option<EmergencyEnd> {
        self.0.slots[index].take_end()
    }

    /// When the hook was called, and when it came back.
    pub(crate) fn times(&self, index: usize) -> (Option<Instant>, Option<Instant>) {
        self.0.slots[index].times()
    }

    /// The hook with its handle on the instance, unless it is being called, or still may be.
    pub(crate) fn take_hook(&self, index: usize) -> Option<Hook> {
        self.0.slots[index].take_back()
    }

    /// Whether the hook has been called, or is about to be, or was given up.
    pub(crate) fn was_due(&self, index: usize) -> bool {
        self.0.slots[index].was_due()
    }

    /// How many are armed.
    pub(crate) fn armed(&self) -> usize {
        self.0.slots.iter().filter(|slot| slot.is_armed()).count()
    }

    /// Says that it is a signal that begins it. Async-signal-safe.
    pub(crate) fn force(&self, signal: i32) {
        self.0.forced.store(signal, Ordering::SeqCst);
    }

    /// The signal that forced it.
    pub(crate) fn forced(&self) -> Option<i32> {
        Some(self.0.forced.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Runs all that are armed, in stop order, within the time. Async-signal-safe. Only the first call counts.
    pub(crate) fn begin(&self, until: Instant) {
        let until = until.saturating_duration_since(self.0.made).as_nanos();
        let until = u64::try_from(until).unwrap_or(NEVER - 1);
        let set = self
            .0
            .until
            .compare_exchange(NEVER, until, Ordering::SeqCst, Ordering::SeqCst);
        if set.is_ok() {
            self.0.wake_conductor();
        }
    }

    /// Whether all were to be run.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.until().is_some()
    }

    /// The time until all are to be through.
    pub(crate) fn remaining(&self) -> Duration {
        self.0.until().map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// Whether all are through, also one that was armed last.
    pub(crate) fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Acquire) && !self.0.slots.iter().any(Slot::is_pending)
    }

    pub(crate) fn handle(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// Drops all hooks, those that run now after their end. What they hold may be user values: not to be called where
    /// their destructors would hold up the driver.
    pub(crate) fn clear(&self) {
        self.close();
        self.0.slots.iter().for_each(Slot::discard);
    }

    /// Lets the threads end. Busy ones end after their hook.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.wake_runners();
        self.0.wake_conductor();
    }
}

impl Shared {
    /// Returns when they have all that they need.
    fn make_threads(self: &Arc<Self>, hooks: usize) -> std::io::Result<()> {
        if hooks == 0 {
            return Ok(());
        }
        for index in 0..hooks.min(MOST_THREADS) {
            let this = Arc::clone(self);
            let thread = thread::Builder::new()
                .name(format!("lifecycle-emergency-{index}"))
                .spawn(move || this.run_due())?;
            self.runners().push(thread.thread().clone());
        }
        let this = Arc::clone(self);
        let thread = thread::Builder::new()
            .name("lifecycle-emergency".into())
            .spawn(move || this.conduct())?;
        let _ = self.conductor.set(thread.thread().clone());
        let threads = hooks.min(MOST_THREADS) + 1;
        while self.ready.load(Ordering::Acquire) < threads {
            thread::park();
        }
        Ok(())
    }

    fn runners(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.runners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_runners(&self) {
        self.runners().iter().for_each(Thread::unpark);
    }

    fn give_up(self: &Arc<Self>, index: usize) -> bool {
        let given_up = self.slots[index].give_up();
        if given_up {
            // It may be waiting for this one.
            self.wake_conductor();
            // And others for its thread.
            self.make_spare();
        }
        given_up
    }

    fn wake_conductor(&self) {
        if let Some(conductor) = self.conductor.get() {
            conductor.unpark();
        }
    }

    fn until(&self) -> Option<Instant> {
        match self.until.load(Ordering::SeqCst) {
            NEVER => None,
            nanos => Some(self.made + Duration::from_nanos(nanos)),
        }
    }

    /// The calling thread has all that it needs.
    fn report_ready(&self) {
        self.ready.fetch_add(1, Ordering::Release);
        self.maker.unpark();
    }

    /// Where a hook waits and every thread is in another one, it needs another thread.
    fn make_spare(self: &Arc<Self>) {
        let threads = self.runners().len();
        let taken = self.slots.iter().filter(|slot| slot.has_thread()).count();
        if !self.slots.iter().any(Slot::waits_for_thread) || taken < threads {
            return;
        }
        let this = Arc::clone(self);
        let made = thread::Builder::new()
            .name("lifecycle-emergency-spare".into())
            .spawn(move || this.run_due());
        let Ok(made) = made else { return };
        let mut runners = self.runners();
        if runners.len() < runners.capacity() {
            runners.push(made.thread().clone());
        }
        drop(runners);
        // A hook that became due before it was listed could not wake it.
        made.thread().unpark();
    }

    /// What a runner does: it takes whatever is due, in stop order.
    fn run_due(&self) {
        self.report_ready();
        loop {
            for slot in &self.slots {
                if slot.run() {
                    // The driver last: should it be stuck, this may be stuck with it.
                    self.wake_conductor();
                    (self.wake)();
                }
                if self.closed.load(Ordering::Acquire) {
                    slot.discard();
                }
            }
            if self.closed.load(Ordering::Acquire) {
                return;
            }
            thread::park();
        }
    }

    /// What the conductor does: once `until` is set it goes through all that are armed.
    fn conduct(self: &Arc<Self>) {
        self.report_ready();
        let until = loop {
            if let Some(until) = self.until() {
                break until;
            }
            if self.closed.load(Ordering::Acquire) {
                return;
            }
            thread::park();
        };
        for (index, slot) in self.slots.iter().enumerate() {
            let due = slot.make_due();
            if !due && !slot.is_pending() {
                continue;
            }
            let waiting = self.slots[index..]
                .iter()
                .filter(|slot| slot.is_armed() || slot.is_pending())
                .count();
            let remaining = until.saturating_duration_since(Instant::now());
            let share =
                Instant::now() + remaining / u32::try_from(waiting.max(1)).unwrap_or(u32::MAX);
            if due {
                self.make_spare();
                self.wake_runners();
            }
            self.wait(slot, share);
            self.give_up(index);
        }
        self.over.store(true, Ordering::Release);
        (self.wake)();
    }

    fn wait(&self, slot: &Slot, until: Instant) {
        while slot.is_pending() {
            let remaining = until.saturating_duration_since(Instant::now());
            if remaining == Duration::ZERO {
                return;
            }
            thread::park_timeout(remaining);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};

    use super::*;

    #[test]
    fn running_a_hook_that_has_begun_says_that_its_end_is_still_to_come() {
        let (ended, has_ended) = sync_channel(1);
        let wake = move || {
            let _ = ended.try_send(());
        };
        let emergency = Emergency::new(1, wake).unwrap();
        let (go_on, may_go_on) = channel::<()>();
        let may_go_on = Mutex::new(may_go_on);
        let hook = move || {
            let _ = may_go_on.lock().unwrap().recv();
        };
        emergency.arm(0, Box::new(hook));
        assert!(!emergency.has_begun());
        emergency.begin(Instant::now() + Duration::from_secs(60));
        assert!(emergency.has_begun());
        // The conductor may have made it due before, or not.
        assert!(emergency.run(0));
        assert!(emergency.run(0));
        drop(go_on);
        while !emergency.is_over() {
            has_ended.recv().unwrap();
        }
        assert!(!emergency.run(0));
        assert_eq!(emergency.take_end(0), Some(EmergencyEnd::Done));
        emergency.close();
    }

    #[test]
    fn a_hook_that_is_armed_after_all_were_due_is_called() {
        let emergency = Emergency::new(1, || {}).unwrap();
        // The conductor may come to it, too, and is not to give it up.
        emergency.begin(Instant::now() + Duration::from_secs(60));
        let (call, called) = sync_channel(1);
        let (go_on, may_go_on) = channel::<()>();
        let may_go_on = Mutex::new(may_go_on);
        let hook = move || {
            call.send(()).unwrap();
            let _ = may_go_on.lock().unwrap().recv();
        };
        emergency.arm(0, Box::new(hook));
        called.recv().unwrap();
        assert!(!emergency.is_over(), "it is waited for, too");
        drop(go_on);
        emergency.close();
    }

    #[test]
    fn a_hook_that_is_due_is_called_although_no_thread_was_free_when_its_component_was_dropped() {
        let emergency = Emergency::new(MOST_THREADS + 1, || {}).unwrap();
        let (began, has_begun) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let may_go_on = Arc::new(Mutex::new(may_go_on));
        let waiting = || {
            let (began, may_go_on) = (began.clone(), Arc::clone(&may_go_on));
            move || {
                began.send(()).unwrap();
                let _ = may_go_on.lock().unwrap().recv();
            }
        };
        for index in 0..MOST_THREADS {
            emergency.arm(index, Box::new(waiting()));
            assert!(emergency.run(index));
        }
        (0..MOST_THREADS).for_each(|_| has_begun.recv().unwrap());

        let (call, called) = sync_channel(1);
        let last = waiting();
        let hook = move || {
            last();
            call.send(()).unwrap();
        };
        emergency.arm(MOST_THREADS, Box::new(hook));
        assert!(
            emergency.take_hook(MOST_THREADS).is_none(),
            "it may become due"
        );
        assert!(emergency.run(MOST_THREADS));
        assert!(emergency.take_hook(MOST_THREADS).is_none(), "it is due");
        assert!(emergency.give_up(MOST_THREADS));
        assert!(
            emergency.take_hook(MOST_THREADS).is_none(),
            "it may still be called"
        );
        drop(go_on);
        called.recv().unwrap();
        while emergency.take_hook(MOST_THREADS).is_none() {
            thread::yield_now();
        }
        emergency.close();
    }

    #[test]
    fn its_hooks_are_dropped_and_its_threads_end_when_it_is_cleared() {
        let ((shared, of_threads), (held, of_hook)) = (channel::<()>(), channel::<()>());
        let emergency = Emergency::new(2, move || drop(shared.clone())).unwrap();
        emergency.arm(0, Box::new(move || drop(held.clone())));
        emergency.clear();
        let end = |receiver: &Receiver<()>| receiver.recv_timeout(Duration::from_secs(60));
        assert_eq!(end(&of_hook), Err(RecvTimeoutError::Disconnected));
        drop(emergency);
        // The last of them drops what they share.
        assert_eq!(end(&of_threads), Err(RecvTimeoutError::Disconnected));
    }
}
