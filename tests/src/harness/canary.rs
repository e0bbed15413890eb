//! How late the machine is: threads that sleep for 5 ms, again and again, and write down each time at which they were
//! woken later than that. A program that ran meanwhile had to wait for a processor, too.
//!
//! Tests of whole programs have bounds in time, and a machine that stands still for 200 ms breaks them, though the program
//! is right. Wider bounds would show less on every machine. So an upper bound is moved by what the machine was late by
//! ([`End::expect_took`](crate::harness::End::expect_took)), and where lateness changes what happens, and not only when, the
//! case is lived again ([`unless_late`]). On a machine that is on time both change nothing.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use crate::harness::evidence::now;
use crate::harness::sys;

/// How long a canary sleeps. What is over within such a sleep is not seen.
const TICK: Duration = Duration::from_millis(5);
/// What a machine that is on time takes to wake somebody.
const NOISE: Duration = Duration::from_millis(2);
/// So much of the time in which the worst is looked for.
const STRETCH: Duration = Duration::from_millis(200);
/// A machine that was late by more than this in a [`STRETCH`] may have changed what happened. The shortest time in which
/// a program has to do something is the 100 ms between two of the kernel's timers.
const MUCH: Duration = Duration::from_millis(30);
/// How often a case is lived at most.
const LIVES: usize = 3;
/// On a machine with more processors so many are listened to.
const MOST: usize = 8;

#[derive(Debug, Default)]
struct Canary {
    /// When it is to wake next.
    due: Duration,
    stalls: Vec<(Duration, Duration)>,
}

static CANARIES: Mutex<Vec<Canary>> = Mutex::new(Vec::new());

fn canaries() -> MutexGuard<'static, Vec<Canary>> {
    CANARIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens from now on, if nobody does yet. Each processor has a canary of its own, since a virtual one may be taken away
/// while the other goes on.
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

/// How late the machine has been since then.
#[must_use]
pub fn since(began: Duration) -> Lateness {
    let mut stalls = Vec::new();
    let canaries = canaries();
    let now = now();
    for canary in &*canaries {
        stalls.extend(canary.stalls.iter().filter(|(_, to)| *to > began));
        // It should have been woken, and has not been yet.
        stalls.extend((now >= canary.due + NOISE).then_some((canary.due, now)));
    }
    Lateness::of(stalls)
}

/// When a machine was late: from when to when some processor kept a thread waiting.
#[derive(Debug, Clone, Default)]
pub struct Lateness(Vec<(Duration, Duration)>);

impl Lateness {
    /// Of those stalls, of whichever processor.
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

    /// For how long it was late between the two instants.
    ///
    /// That is the sum, and not only the longest: of what happens one after the other, each may have been kept waiting.
    #[must_use]
    pub fn between(&self, from: Duration, to: Duration) -> Duration {
        let overlap =
            |stall: &(Duration, Duration)| stall.1.min(to).saturating_sub(stall.0.max(from));
        self.0.iter().map(overlap).sum()
    }

    /// For how long it was late in all.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.between(Duration::ZERO, Duration::MAX)
    }

    /// For how long it was late in its worst 200 ms: being a little late all day changes nothing.
    #[must_use]
    pub fn worst(&self) -> Duration {
        let stretches = self.0.iter().map(|(from, _)| (*from, *from + STRETCH));
        let late = stretches.map(|(from, to)| self.between(from, to));
        late.max().unwrap_or_default()
    }

    /// What an upper bound for something between the two instants is moved by: twice the lateness, since what a program
    /// was kept from doing it still has to do, side by side with all others that were.
    #[must_use]
    pub fn allowance(&self, from: Duration, to: Duration) -> Duration {
        2 * self.between(from, to)
    }
}

/// Lives the case; and once or twice again if it fails and the machine was late meanwhile, which is printed. For cases in
/// which lateness changes not only when something happens, but what: which of two timers is first, and so the exit code, or
/// which hooks are called.
///
/// On a machine that was on time a failure is one: a case that fails now and then is not hidden by being tried again.
///
/// # Panics
///
/// As the case does.
pub fn unless_late<T>(case: impl FnMut() -> T) -> T {
    begin();
    unless_late_by(|began| since(began).worst(), case)
}

/// [`unless_late`] on a machine that was late by so much since an instant.
///
/// # Panics
///
/// As the case does.
pub fn unless_late_by<T>(
    worst_since: impl Fn(Duration) -> Duration,
    mut case: impl FnMut() -> T,
) -> T {
    for life in 1.. {
        let began = now();
        match catch_unwind(AssertUnwindSafe(&mut case)) {
            Ok(result) => return result,
            Err(failure) => expect_late(worst_since(began), life, failure),
        }
    }
    unreachable!("the last life returns or panics")
}

/// Goes on with the panic, unless there is a reason to live again.
fn expect_late(worst: Duration, life: usize, failure: Box<dyn Any + Send>) {
    if worst <= MUCH || life >= LIVES {
        resume_unwind(failure);
    }
    eprintln!("the machine was late by {worst:?} in its worst {STRETCH:?}: this is lived again");
}
