//! Measures how late the machine is. A thread on each processor sleeps for 5 ms, again and again, and records each time
//! at which it woke later than that. A program that ran meanwhile had to wait for a processor, too.
//!
//! The page of the [harness](super) says how tests use it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use crate::harness::evidence::now;
use crate::harness::sys;

/// How long a canary sleeps. A delay that is over within one sleep is not seen.
const TICK: Duration = Duration::from_millis(5);
/// The wake-up latency of a machine that is on time.
const NOISE: Duration = Duration::from_millis(2);
/// The window in which the worst lateness is looked for.
const STRETCH: Duration = Duration::from_millis(200);
/// A machine that was late by more than this in a [`STRETCH`] may have changed what happened. The shortest time in
/// which a program has to do something is the 100 ms between two timers of the kernel.
const MUCH: Duration = Duration::from_millis(30);
/// How often a case runs at most.
const ATTEMPTS: usize = 3;
/// The number of processors that are measured at most.
const MOST: usize = 8;

#[derive(Debug, Default)]
struct Canary {
    /// When it should wake next.
    due: Duration,
    stalls: Vec<(Duration, Duration)>,
}

static CANARIES: Mutex<Vec<Canary>> = Mutex::new(Vec::new());

fn canaries() -> MutexGuard<'static, Vec<Canary>> {
    CANARIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts to measure, unless it has been started. Each processor has a canary of its own, since a hypervisor may
/// suspend one virtual processor while another runs.
pub fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        for processor in 0..processors.min(MOST) {
            let due = now() + TICK;
            canaries().push(Canary {
                due,
                stalls: Vec::new(),
            });
            thread::spawn(move || sing(processor));
        }
    });
}

fn sing(processor: usize) -> ! {
    sys::stay_on(processor);
    let mut stall = None;
    loop {
        let due = now() + TICK;
        {
            let canary = &mut canaries()[processor];
            canary.stalls.extend(stall);
            canary.due = due;
        }
        thread::sleep(TICK);
        let woke = now();
        stall = (woke >= due + NOISE).then_some((due, woke));
    }
}

/// How late the machine has been since `began`.
#[must_use]
pub fn since(began: Duration) -> Lateness {
    let mut stalls = Vec::new();
    let canaries = canaries();
    let now = now();
    for canary in &*canaries {
        stalls.extend(canary.stalls.iter().filter(|(_, to)| *to > began));
        // It should have woken, and has not yet.
        stalls.extend((now >= canary.due + NOISE).then_some((canary.due, now)));
    }
    Lateness::of(stalls)
}

/// When the machine was late: the intervals in which a processor kept a thread waiting.
#[derive(Debug, Clone, Default)]
pub struct Lateness(Vec<(Duration, Duration)>);

impl Lateness {
    /// Merges the stalls of all processors.
    #[must_use]
    pub fn of(mut stalls: Vec<(Duration, Duration)>) -> Self {
        stalls.sort_unstable();
        let mut merged: Vec<(Duration, Duration)> = Vec::new();
        for (from, to) in stalls {
            match merged.last_mut() {
                Some((_, end)) if from <= *end => *end = (*end).max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    /// The lateness between the two instants.
    ///
    /// It is the sum of all stalls, not the longest: each of several consecutive steps may have had to wait.
    #[must_use]
    pub fn between(&self, from: Duration, to: Duration) -> Duration {
        let overlap =
            |stall: &(Duration, Duration)| stall.1.min(to).saturating_sub(stall.0.max(from));
        self.0.iter().map(overlap).sum()
    }

    /// The lateness in total.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.between(Duration::ZERO, Duration::MAX)
    }

    /// The lateness in the worst 200 ms: a small but constant lateness changes nothing.
    #[must_use]
    pub fn worst(&self) -> Duration {
        let stretches = self.0.iter().map(|(from, _)| (*from, *from + STRETCH));
        let late = stretches.map(|(from, to)| self.between(from, to));
        late.max().unwrap_or_default()
    }

    /// The time by which an upper bound moves: twice the lateness, since a delayed program still has its work to do,
    /// beside all others that were delayed.
    #[must_use]
    pub fn allowance(&self, from: Duration, to: Duration) -> Duration {
        2 * self.between(from, to)
    }
}

/// Runs the case, and again, up to three times in total, if it fails while the machine was late.
///
/// For cases in which lateness changes what happens, and not only when: which of two timers fires first, and so the exit
/// code, or which hooks run. Each repetition is printed. On a machine that was on time a failure counts, so that this does
/// not hide a case that fails now and then.
///
/// # Panics
///
/// If the case does.
pub fn unless_late<T>(case: impl FnMut() -> T) -> T {
    begin();
    unless_late_by(|began| since(began).worst(), case)
}

/// [`unless_late`], with the worst lateness since an instant.
///
/// # Panics
///
/// If the case does.
pub fn unless_late_by<T>(
    worst_since: impl Fn(Duration) -> Duration,
    mut case: impl FnMut() -> T,
) -> T {
    for attempt in 1.. {
        let began = now();
        match catch_unwind(AssertUnwindSafe(&mut case)) {
            Ok(result) => return result,
            Err(failure) => expect_late(worst_since(began), attempt, failure),
        }
    }
    unreachable!("the last attempt returns or panics")
}

/// Resumes the panic, unless the machine was late and the case may run again.
fn expect_late(worst: Duration, attempt: usize, failure: Box<dyn Any + Send>) {
    if worst <= MUCH || attempt >= ATTEMPTS {
        resume_unwind(failure);
    }
    eprintln!("the machine was late by {worst:?} in its worst {STRETCH:?}: the case runs again");
}
