//! The watchdog: a thread that makes the deadline hold, whatever the runtime, the driver or user code do.
//!
//! Invariants:
//!
//! 1. Once it runs, it allocates nothing, locks nothing and opens nothing.
//! 2. The deadline is set once and never moved later.
//! 3. At the deadline less the reserve, or when a signal forces the end, the emergency hooks begin; at the deadline the
//!    process is gone. The driver normally is earlier: then this thread ends with the process.

#[cfg(target_os = "linux")]
mod backstops;
mod state;

use std::sync::OnceLock;
use std::thread::{self, Thread};
use std::time::Duration;

use crate::life::emergency::Emergency;

/// How much before the deadline the process is ended at most: what the operating system takes for it where hundreds of
/// threads end, or others compute on every processor.
const MARGIN: Duration = Duration::from_millis(50);
/// How long a forced end may take to write its report after the emergency hooks.
const REPORT: Duration = Duration::from_millis(250);

static THREAD: OnceLock<Thread> = OnceLock::new();

/// Starts the thread, which is ready when this returns. To be called before anything else.
pub(crate) fn install() -> std::io::Result<()> {
    // Before any thread is made: they all inherit the mask.
    crate::sys::signals::unblock();
    state::start_clock();
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    thread::Builder::new()
        .name("lifecycle-watchdog".into())
        .spawn(move || {
            // Before it reports: a signal that comes next has to find the thread that it wakes.
            let _ = THREAD.set(thread::current());
            let _ = ready.send(());
            watch();
        })?;
    let _ = is_ready.recv();
    #[cfg(target_os = "linux")]
    backstops::install()?;
    Ok(())
}

/// Hands over the emergency hooks, the reserve that they have, and the time from a signal to the deadline.
pub(crate) fn attach(emergency: Emergency, reserve: Duration, limit: Duration) {
    state::attach(emergency, reserve, limit);
}

/// Fixes the deadline, `limit` from now. Only the first call counts. Async-signal-safe.
pub(crate) fn arm(limit: Duration) {
    if state::fix_deadline(state::now() + limit) {
        #[cfg(target_os = "linux")]
        backstops::arm(limit);
        wake();
    }
}

/// Fixes the deadline because of a signal, without the driver, which may be stuck. Async-signal-safe.
pub(crate) fn arm_for_signal() {
    if let Some(limit) = state::limit() {
        arm(limit);
    }
}

/// Ends everything now: only the emergency layer remains.
pub(crate) fn expire() {
    state::advance_deadline(state::now() + state::reserve());
    wake();
}

/// Sets the exit code for the case that the watchdog has to end the process.
pub(crate) fn set_code(code: i32) {
    state::set_code(code);
}

/// The time to the deadline; `None` while none is fixed. Where that went by while the process was stopped, this is a part
/// of what the hooks get then, for a last word: the watchdog ends the process all the same.
pub(crate) fn remaining() -> Option<Duration> {
    let remaining = state::deadline()?.saturating_sub(state::now());
    if remaining.is_zero() {
        Some(state::window().when_late() / 4)
    } else {
        Some(remaining)
    }
}

/// Goes straight to the emergency layer because of a signal; false when one has done so before. Async-signal-safe.
pub(crate) fn force(signal: i32) -> bool {
    let first = state::force(signal);
    if first {
        wake();
    }
    first
}

/// Goes straight to the emergency layer because user code has called `exit`, with this code if it is to be kept. The process
/// ends when the hooks and the report have had their time.
pub(crate) fn leave(code: Option<i32>) {
    if let Some(code) = code {
        state::set_code_of_exit(code);
    }
    state::leave();
    arm(state::reserve() + REPORT);
    wake();
}

/// Notes that all is written, so that only handlers of `exit` remain: an abort in one of them needs no hooks.
pub(crate) fn set_over() {
    state::set_over();
}

/// Whether all is written. Async-signal-safe.
pub(crate) fn is_over() -> bool {
    state::is_over()
}

/// Ends the process at once: by SIGABRT if it aborts, with 128 + n if signal n forced the end, and else with this code.
pub(crate) fn end(code: i32) -> ! {
    state::end(code)
}

/// The signal that forces the end, once there is one.
pub(crate) fn forced() -> Option<i32> {
    state::forced()
}

/// Has the thread look again. Async-signal-safe.
fn wake() {
    if let Some(thread) = THREAD.get() {
        thread.unpark();
    }
}

fn watch() {
    loop {
        if state::is_forced_or_left() {
            break;
        }
        match state::deadline() {
            None => thread::park(),
            Some(deadline) => {
                let begins = deadline.saturating_sub(state::reserve());
                let wait = begins.saturating_sub(state::now());
                if wait == Duration::ZERO {
                    break;
                }
                thread::park_timeout(wait);
            }
        }
    }
    let window = state::window();
    // A forced end may come before any deadline, or long before it: then it has the reserve and the time of a report.
    let most = state::now() + state::reserve() + REPORT;
    let planned = state::deadline().map_or(most, |deadline| deadline.min(most));
    let planned = planned.saturating_sub(margin());
    // Where it is woken late, the process was stopped or the machine asleep. The hooks still get a moment.
    let end = window.end_of_process(state::now(), state::deadline(), planned);
    let until = state::instant(window.end_of_hooks(state::now(), end));
    if let (Some(emergency), Some(until)) = (state::emergency(), until) {
        // Before they begin: the driver asks for it when it sees that they have.
        if let Some(signal) = forced() {
            emergency.force(signal);
        }
        emergency.begin(until);
    }
    loop {
        let wait = end.saturating_sub(state::now());
        if wait == Duration::ZERO {
            state::exit();
        }
        thread::park_timeout(wait);
    }
}

/// How much before the deadline the process is ended. A short deadline has little to give away, and a short reserve less.
fn margin() -> Duration {
    let limit = state::limit().unwrap_or(Duration::MAX);
    (limit / 20)
        .clamp(MARGIN / 10, MARGIN)
        .min(state::reserve() / 4)
}
