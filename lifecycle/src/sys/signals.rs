//! Signal dispositions and masks.

#![allow(
    unsafe_code,
    reason = "handlers and masks are C interfaces; each use says why it is sound"
)]

use std::io;

use libc::{SIG_IGN, SIGABRT, SIGHUP, SIGINT, SIGTERM};

/// Calls `handler` with the signal's number whenever it arrives, on whatever thread it interrupts.
///
/// The handler must be async-signal-safe: it may do atomic operations and wake threads, and must not allocate, lock or
/// panic.
pub(crate) fn handle(signal: i32, handler: fn(i32)) -> io::Result<()> {
    // SAFETY: the only callers are `crate::process::signals` and `crate::process::watchdog`, whose handlers store to atomics, read the
    // monotonic clock, unpark threads (a futex wake-up on Linux), arm timers and call `_exit`: all async-signal-safe.
    unsafe { signal_hook::low_level::register(signal, move || handler(signal)) }.map(drop)
}

/// Whether the parent had us ignore the signal (`nohup`).
pub(crate) fn is_ignored(signal: i32) -> bool {
    // SAFETY: a zeroed `sigaction` is a valid value for the call to overwrite; with a null new action it only reads.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == SIG_IGN
    }
}

/// Sends SIGTERM to this process, as a parent does: any thread may take it.
#[cfg(feature = "drill")]
pub(crate) fn terminate_self() {
    // SAFETY: neither call takes a pointer.
    unsafe { libc::kill(libc::getpid(), SIGTERM) };
}

/// Blocks all signals in the calling thread. Async-signal-safe.
pub(crate) fn block_all() {
    // SAFETY: `sigfillset` initialises the set before it is read; the calls touch nothing else.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// Unblocks the signals that we live by in the calling thread, and so in those that it makes: a parent may have masked
/// them.
pub(crate) fn unblock() {
    // SAFETY: `sigemptyset` initialises the set before it is read; the calls touch nothing else.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGABRT] {
            libc::sigaddset(&raw mut set, signal);
        }
        #[cfg(target_os = "linux")]
        for signal in crate::sys::backstop::signals() {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
    }
}

/// Lets the calling thread write to a terminal when it is not our turn, although `stty tostop` forbids that: to be stopped
/// for a line of the shutdown would be to hang in it.
pub(crate) fn write_in_background() {
    // SAFETY: `sigemptyset` initialises the set before it is read; the calls touch nothing else.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
}
