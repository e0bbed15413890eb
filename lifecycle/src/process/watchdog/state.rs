//! What the watchdog, the signal handlers and the timers of the kernel share: atomics alone, so that each may look at any
//! time. All functions here are async-signal-safe, except [`attach`].

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGABRT;
use signal_hook::low_level;

use crate::life::emergency::{Emergency, EmergencyWindow};
use crate::sys;

/// No deadline, or no limit, yet.
const NEVER: u64 = u64::MAX;

/// Instants are kept as nanoseconds since this one: an atomic has room for them.
static CLOCK: OnceLock<Instant> = OnceLock::new();
static EMERGENCY: OnceLock<Emergency> = OnceLock::new();
static DEADLINE: AtomicU64 = AtomicU64::new(NEVER);
static RESERVE: AtomicU64 = AtomicU64::new(0);
static LIMIT: AtomicU64 = AtomicU64::new(NEVER);
static FORCED: AtomicI32 = AtomicI32::new(0);
/// User code has called `exit`.
static LEFT: AtomicBool = AtomicBool::new(false);
/// All is written: only handlers of `exit` remain.
static OVER: AtomicBool = AtomicBool::new(false);
/// The exit code where the watchdog ends the process. Until the driver says otherwise something did not end in time.
static CODE: AtomicI32 = AtomicI32::new(3);

pub(super) fn start_clock() {
    CLOCK.get_or_init(Instant::now);
}

pub(super) fn attach(emergency: Emergency, reserve: Duration, limit: Duration) {
    RESERVE.store(nanos(reserve), SeqCst);
    LIMIT.store(nanos(limit), SeqCst);
    // Last: what finds the hooks finds their times, too.
    let _ = EMERGENCY.set(emergency);
}

pub(super) fn emergency() -> Option<&'static Emergency> {
    EMERGENCY.get()
}

pub(super) fn window() -> EmergencyWindow {
    EmergencyWindow::new(reserve())
}

pub(super) fn now() -> Duration {
    CLOCK.get().map(Instant::elapsed).unwrap_or_default()
}

/// The instant that [`now`] counts as `at`.
pub(super) fn instant(at: Duration) -> Option<Instant> {
    CLOCK.get().map(|clock| *clock + at)
}

pub(super) fn reserve() -> Duration {
    Duration::from_nanos(RESERVE.load(SeqCst))
}

/// The time from a signal to the deadline, once it is known.
pub(super) fn limit() -> Option<Duration> {
    Some(LIMIT.load(SeqCst))
        .filter(|limit| *limit != NEVER)
        .map(Duration::from_nanos)
}

pub(super) fn deadline() -> Option<Duration> {
    Some(DEADLINE.load(SeqCst))
        .filter(|at| *at != NEVER)
        .map(Duration::from_nanos)
}

/// Fixes the deadline; false where it has been fixed before.
pub(super) fn fix_deadline(at: Duration) -> bool {
    DEADLINE
        .compare_exchange(NEVER, nanos(at), SeqCst, SeqCst)
        .is_ok()
}

/// Moves the deadline to an earlier instant.
pub(super) fn advance_deadline(at: Duration) {
    DEADLINE.fetch_min(nanos(at), SeqCst);
}

/// Notes the signal that forces the end; false where another one has before.
pub(super) fn force(signal: i32) -> bool {
    FORCED.compare_exchange(0, signal, SeqCst, SeqCst).is_ok()
}

pub(super) fn forced() -> Option<i32> {
    Some(FORCED.load(SeqCst)).filter(|signal| *signal != 0)
}

pub(super) fn is_over() -> bool {
    OVER.load(SeqCst)
}

pub(super) fn set_over() {
    OVER.store(true, SeqCst);
}

/// Notes that user code has called `exit`.
pub(super) fn leave() {
    LEFT.store(true, SeqCst);
}

/// Whether only the emergency layer remains: because of a signal, or a call of `exit`.
pub(super) fn is_forced_or_left() -> bool {
    forced().is_some() || LEFT.load(SeqCst)
}

pub(super) fn set_code(code: i32) {
    CODE.store(code, SeqCst);
}

/// Sets the code that user code gave to `exit`, unless the configuration is what is wrong.
pub(super) fn set_code_of_exit(code: i32) {
    let _ = CODE.fetch_update(SeqCst, SeqCst, |known| (known != 2).then_some(code));
}

/// Ends the process at once, without the handlers of `exit`.
pub(super) fn exit() -> ! {
    end(CODE.load(SeqCst))
}

/// The same with this code, unless a signal forced the end. An abort ends by its signal.
pub(super) fn end(code: i32) -> ! {
    match forced() {
        Some(SIGABRT) => sys::default_effect::abort(),
        Some(signal) => low_level::exit(128 + signal),
        None => low_level::exit(code),
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(NEVER - 1)
}
