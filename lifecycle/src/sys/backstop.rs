//! The kernel's own timers behind the watchdog: they go off also when every thread of ours stands still.

#![allow(
    unsafe_code,
    reason = "timers are a C interface; each use says why it is sound"
)]

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

/// The signals of the timers that have a handler, in the order in which they are needed.
pub(crate) fn signals() -> [i32; 2] {
    [libc::SIGRTMAX() - 1, libc::SIGRTMAX() - 2]
}

/// A timer of the kernel that sends this process a signal. It lives as long as the process.
pub(crate) struct Backstop(OnceLock<usize>);

impl Backstop {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Makes the timer, unarmed, while there is memory for it.
    pub(crate) fn make(&self, signal: i32) -> io::Result<()> {
        let mut timer: libc::timer_t = std::ptr::null_mut();
        // SAFETY: a zeroed `sigevent` is valid; both pointers are to locals that live through the call.
        let mut made_on = |clock| unsafe {
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_SIGNAL;
            event.sigev_signo = signal;
            libc::timer_create(clock, &raw mut event, &raw mut timer) == 0
        };
        // The clock that goes on while the machine sleeps, where there is one.
        if !made_on(libc::CLOCK_BOOTTIME) && !made_on(libc::CLOCK_MONOTONIC) {
            return Err(io::Error::last_os_error());
        }
        let _ = self.0.set(timer as usize);
        Ok(())
    }

    /// Lets it go off so long from now. Async-signal-safe; does nothing where it could not be made.
    pub(crate) fn arm(&self, after: Duration) {
        let Some(timer) = self.0.get() else { return };
        let value = libc::timespec {
            tv_sec: after.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: after.subsec_nanos().into(),
        };
        let time = libc::itimerspec {
            it_interval: libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: value,
        };
        // SAFETY: the timer was made by `timer_create` and is never deleted; `time` lives through the call.
        unsafe {
            libc::timer_settime(
                *timer as libc::timer_t,
                0,
                &raw const time,
                std::ptr::null_mut(),
            );
        }
    }
}
