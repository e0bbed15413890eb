//! The kernel timers behind the watchdog: they expire even when every thread of the process is blocked.

#![allow(
    unsafe_code,
    reason = "timers are a C interface; each use says why it is sound"
)]

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

/// The signals of the timers, in the order in which the watchdog needs them. Both have a handler.
pub(crate) fn signals() -> [i32; 2] {
    [libc::SIGRTMAX() - 1, libc::SIGRTMAX() - 2]
}

/// A kernel timer that sends a signal to this process. It is never deleted, so that a handler may arm it at any time.
pub(crate) struct Backstop(
    /// The timer's id. A `timer_t` is a pointer, which is neither `Send` nor `Sync`.
    OnceLock<usize>,
);

impl Backstop {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Creates the timer, unarmed: early, since `timer_create` allocates and may fail, and arming does not.
    pub(crate) fn make(&self, signal: i32) -> io::Result<()> {
        let mut timer: libc::timer_t = std::ptr::null_mut();
        // SAFETY: a zeroed `sigevent` is a valid value of the C struct. Both pointers are to locals that outlive the
        // call, which does not keep them.
        let mut made_on = |clock| unsafe {
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_SIGNAL;
            event.sigev_signo = signal;
            libc::timer_create(clock, &raw mut event, &raw mut timer) == 0
        };
        // CLOCK_BOOTTIME advances while the machine is suspended; old kernels have no timers on it.
        if !made_on(libc::CLOCK_BOOTTIME) && !made_on(libc::CLOCK_MONOTONIC) {
            return Err(io::Error::last_os_error());
        }
        let _ = self.0.set(timer as usize);
        Ok(())
    }

    /// Arms the timer to expire after that time. Async-signal-safe. Does nothing if the timer could not be created.
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
        // SAFETY: the id is from `timer_create`, and the timer is never deleted. `time` outlives the call, and a null
        // pointer for the old value is allowed.
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
