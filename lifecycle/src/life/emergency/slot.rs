//! [`Slot`]: one emergency hook, and which thread may call it.
//!
//! Invariants:
//!
//! 1. The state goes EMPTY -> ARMED -> DUE -> RUNNING -> DONE, with exits to DISARMED (from ARMED), GIVEN_UP (from
//!    RUNNING) and LATE (from DUE; it may still go on to RUNNING); each step is one compare-and-swap, so that exactly one
//!    party takes it.
//! 2. A hook runs at most once: only the thread that steps to RUNNING calls it, and takes it out of the slot for
//!    that.
//! 3. The lock guards the hook alone; no user code runs under it.

use std::sync::atomic::Ordering;
use std::sync::{OnceLock, PoisonError};
use std::time::Instant;

use crate::base::sync::{AtomicBool, AtomicU8, Mutex, MutexGuard};
use crate::error::panic::caught;
use crate::sys::fork::refuse_daemon;

/// A hook with the instance that it is for.
pub(crate) type Hook = Box<dyn Fn() + Send>;

/// How an emergency hook ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EmergencyEnd {
    Done,
    Panicked(String),
    GivenUp,
    /// Its share went by before a thread was free for it. The driver waits no longer, but the hook may still be called.
    NotBegun,
}

const EMPTY: u8 = 0;
const ARMED: u8 = 1;
const DUE: u8 = 2;
const RUNNING: u8 = 3;
const DONE: u8 = 4;
const GIVEN_UP: u8 = 5;
const DISARMED: u8 = 6;
/// Its share went by before a thread was free for it.
const LATE: u8 = 7;

pub(super) struct Slot {
    state: AtomicU8,
    hook: Mutex<Option<Hook>>,
    /// The message of its panic.
    panic: OnceLock<String>,
    called: OnceLock<Instant>,
    came_back: OnceLock<Instant>,
    /// The driver has taken its end.
    heard: AtomicBool,
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            state: AtomicU8::new(EMPTY),
            hook: Mutex::new(None),
            panic: OnceLock::new(),
            called: OnceLock::new(),
            came_back: OnceLock::new(),
            heard: AtomicBool::new(false),
        }
    }

    /// From now on the hook is due when all are; true when it is due at once, since `all_are_due`. That is looked at after
    /// arming, in one order with it: of {arm, look} and {set, `make_due`} one sees the other.
    pub(super) fn arm(&self, hook: Hook, all_are_due: impl FnOnce() -> bool) -> bool {
        *self.hook() = Some(hook);
        self.state.store(ARMED, Ordering::SeqCst);
        all_are_due() && self.make_due()
    }

    /// The hook is never called. False when it is not armed any more.
    pub(super) fn disarm(&self) -> bool {
        let disarmed = self.step(ARMED, DISARMED);
        if disarmed {
            drop(self.take());
        }
        disarmed
    }

    /// A runner is to call the hook. False when it is not armed any more.
    pub(super) fn make_due(&self) -> bool {
        self.step(ARMED, DUE)
    }

    /// Calls the hook if it is due; true when that has ended it while it was waited for.
    pub(super) fn run(&self) -> bool {
        if !self.step(DUE, RUNNING) && !self.step(LATE, RUNNING) {
            return false;
        }
        self.call();
        self.step(RUNNING, DONE)
    }

    /// Ends the wait for the hook; false when it has ended, or is not due.
    pub(super) fn give_up(&self) -> bool {
        self.step(RUNNING, GIVEN_UP) || self.step(DUE, LATE)
    }

    /// How a hook that was due has ended; only the first call after its end returns that.
    pub(super) fn take_end(&self) -> Option<EmergencyEnd> {
        let end = match self.state() {
            DONE => self
                .panic
                .get()
                .cloned()
                .map_or(EmergencyEnd::Done, EmergencyEnd::Panicked),
            GIVEN_UP => EmergencyEnd::GivenUp,
            LATE => EmergencyEnd::NotBegun,
            _ => return None,
        };
        (!self.heard.swap(true, Ordering::AcqRel)).then_some(end)
    }

    /// The hook, unless it is being called, or still may be.
    pub(super) fn take_back(&self) -> Option<Hook> {
        match self.state() {
            ARMED | DUE | LATE | RUNNING => None,
            _ => self.take(),
        }
    }

    /// Drops the hook, also one that was never called. Its destructors may panic.
    pub(super) fn discard(&self) {
        let _ = caught(|| drop(self.take()));
    }

    pub(super) fn is_armed(&self) -> bool {
        self.state() == ARMED
    }

    /// Whether it is to be called, or is being called, and is waited for.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.state(), DUE | RUNNING)
    }

    /// Whether a thread is in it, or hangs in it for all that is known.
    pub(super) fn has_thread(&self) -> bool {
        matches!(self.state(), RUNNING | GIVEN_UP)
    }

    /// Whether it waits for a thread, also where its share is over.
    pub(super) fn waits_for_thread(&self) -> bool {
        matches!(self.state(), DUE | LATE)
    }

    /// Whether it has been called, or is about to be, or was given up.
    pub(super) fn was_due(&self) -> bool {
        !matches!(self.state(), EMPTY | ARMED | DISARMED)
    }

    /// When the hook was called, and when it came back.
    pub(super) fn times(&self) -> (Option<Instant>, Option<Instant>) {
        (self.called.get().copied(), self.came_back.get().copied())
    }

    /// Calls the hook and keeps it: to drop it takes the allocator, and may run a destructor.
    fn call(&self) {
        let Some(hook) = self.take() else { return };
        let _ = self.called.set(Instant::now());
        // With all that a panic leaves behind: until that is dropped the hook has not ended.
        if let Err(message) = caught(&hook) {
            let _ = self.panic.set(message);
        }
        refuse_daemon(|| "an emergency hook".to_owned());
        let _ = self.came_back.set(Instant::now());
        *self.hook() = Some(hook);
    }

    fn take(&self) -> Option<Hook> {
        self.hook().take()
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::Acquire)
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.state
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    fn hook(&self) -> MutexGuard<'_, Option<Hook>> {
        self.hook.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, lifecycle_loom))]
mod models {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::{Relaxed, SeqCst};

    use loom::thread;

    use crate::life::emergency::slot::*;

    /// A hook, and how often it was called.
    fn counted() -> (Hook, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let called = Arc::clone(&calls);
        let hook = move || {
            called.fetch_add(1, Relaxed);
        };
        (Box::new(hook), calls)
    }

    /// An armed slot.
    fn armed() -> (Arc<Slot>, Arc<AtomicUsize>) {
        let slot = Arc::new(Slot::new());
        let (hook, calls) = counted();
        assert!(!slot.arm(hook, || false));
        (slot, calls)
    }

    fn spawn<T: 'static>(
        slot: &Arc<Slot>,
        act: impl FnOnce(&Slot) -> T + 'static,
    ) -> thread::JoinHandle<T> {
        let slot = Arc::clone(slot);
        thread::spawn(move || act(&slot))
    }

    fn join<T>(thread: thread::JoinHandle<T>) -> T {
        thread.join().expect("it does not panic")
    }

    #[test]
    fn either_disarm_or_make_due_takes_the_hook() {
        loom::model(|| {
            let (slot, calls) = armed();
            let closed = Arc::new(AtomicBool::new(false));
            let runner = {
                let closed = Arc::clone(&closed);
                spawn(&slot, move |slot| {
                    while !slot.run() && !closed.load(SeqCst) {
                        thread::park();
                    }
                })
            };
            let waker = runner.thread().clone();
            let conductor = spawn(&slot, move |slot| {
                let due = slot.make_due();
                if due {
                    waker.unpark();
                }
                due
            });
            let disarmed = slot.disarm();
            let due = join(conductor);
            assert!(disarmed != due, "disarmed {disarmed}, due {due}");
            if disarmed {
                closed.store(true, SeqCst);
                runner.thread().unpark();
            }
            // Where it is due this waits until it has run.
            join(runner);
            assert_eq!(calls.load(Relaxed), usize::from(due));
            assert_eq!(slot.take_end(), due.then_some(EmergencyEnd::Done));
            assert_eq!(slot.take_back().is_some(), due, "what ran is kept");
        });
    }

    #[test]
    fn what_is_due_twice_runs_once() {
        loom::model(|| {
            let (slot, calls) = armed();
            let runners = [0, 1].map(|_| {
                spawn(&slot, |slot| {
                    let due = slot.make_due();
                    (due, slot.run())
                })
            });
            let both = runners.map(join);
            assert_eq!(both.iter().filter(|(due, _)| *due).count(), 1);
            assert_eq!(both.iter().filter(|(_, ran)| *ran).count(), 1);
            assert_eq!(calls.load(Relaxed), 1);
        });
    }

    #[test]
    fn what_is_armed_while_all_become_due_runs() {
        loom::model(|| {
            let slot = Arc::new(Slot::new());
            let (hook, calls) = counted();
            let begun = Arc::new(AtomicBool::new(false));
            let conductor = {
                let begun = Arc::clone(&begun);
                spawn(&slot, move |slot| {
                    begun.store(true, SeqCst);
                    slot.make_due()
                })
            };
            let due = slot.arm(hook, || begun.load(SeqCst));
            assert!(due != join(conductor), "it is missed, or due twice");
            assert!(slot.run());
            assert_eq!(calls.load(Relaxed), 1);
        });
    }

    #[test]
    fn a_hook_that_is_given_up_has_one_end_and_runs_at_most_once() {
        loom::model(|| {
            let (slot, calls) = armed();
            assert!(slot.make_due());
            let runner = spawn(&slot, Slot::run);
            let conductor = spawn(&slot, |slot| (slot.give_up(), slot.take_end()));
            let (given_up, first) = (slot.give_up(), slot.take_end());
            let (given_up_too, second) = join(conductor);
            let done = join(runner);
            assert!(!slot.run(), "it runs again");
            let ends: Vec<_> = [first, second, slot.take_end()]
                .into_iter()
                .flatten()
                .collect();
            assert_eq!(ends.len(), 1, "{ends:?}");
            assert_eq!(calls.load(Relaxed), 1);
            // Too late first, where no thread had begun it; then given up or done.
            let steps = [given_up, given_up_too, done];
            let steps = steps.into_iter().filter(|step| *step).count();
            assert!((1..=2).contains(&steps), "{steps} took the last step");
            if !given_up && !given_up_too {
                assert_eq!(ends, [EmergencyEnd::Done]);
            }
        });
    }

    #[test]
    fn a_hook_is_taken_back_once_and_never_while_it_may_be_called() {
        loom::model(|| {
            let (slot, calls) = armed();
            let runner = spawn(&slot, |slot| slot.make_due() && slot.run());
            let too_early = slot.take_back();
            let given_up = slot.give_up();
            let taken = slot.take_back();
            join(runner);
            let at_last = slot.take_back();
            let hooks = [&too_early, &taken, &at_last];
            let hooks = hooks.into_iter().filter(|hook| hook.is_some()).count();
            assert_eq!(hooks, 1, "there is one hook");
            let calls = calls.load(Relaxed);
            assert!(calls == 1 || calls == 0 && given_up && taken.is_some());
        });
    }
}
