//! Signal dispositions and masks.

#![allow(
    unsafe_code,
    reason = "handlers and masks are C interfaces; each use says why it is sound"
)]

use std::io;

use libc::{SIG_IGN, SIGABRT, SIGHUP, SIGINT, SIGTERM};

use super::{default_effect, fork};

/// Calls `handler` with the signal's number whenever it arrives, on the thread that it interrupts. In a child process made by
/// `fork`, the signal has its default effect instead.
///
/// The handler must be async-signal-safe: it may do atomic operations and wake threads, and must not allocate, lock or
/// panic.
pub(crate) fn handle(signal: i32, handler: fn(i32)) -> io::Result<()> {
    // SAFETY: the only callers are `crate::process::signals` and `crate::process::watchdog`. Their handlers store to
    // atomics, read the monotonic clock, unpark threads (a futex wake-up on Linux), arm timers and call `_exit`, all of
    // which are async-signal-safe (signal-safety(7)). So are the checks of the process, and the default effect.
    unsafe {
        signal_hook::low_level::register(signal, move || {
            if fork::is_child() {
                default_effect::take(signal);
            }
            handler(signal);
        })
    }
    .map(drop)
}

/// Whether the parent process set the signal to be ignored, as `nohup` does.
pub(crate) fn is_ignored(signal: i32) -> bool {
    // SAFETY: a zeroed `sigaction` is a valid value of the C struct, which the call overwrites. With a null pointer for
    // the new action it changes nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == SIG_IGN
    }
}

/// Sends SIGTERM to this process, as a parent would: any thread may receive it, unlike with `raise`.
#[cfg(feature = "drill")]
pub(crate) fn terminate_self() {
    // SAFETY: neither call takes a pointer, and the signal has a handler.
    unsafe { libc::kill(libc::getpid(), SIGTERM) };
}

/// Blocks all signals in the calling thread. Async-signal-safe.
pub(crate) fn block_all() {
    // SAFETY: `sigfillset` initialises the set before it is read, and the pointers are to a local that outlives the
    // calls. A null pointer for the old mask is allowed.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// Unblocks the signals that the process handles, in the calling thread and so in those that it spawns: a parent may
/// have blocked them, and the mask is inherited across `execve`.
pub(crate) fn unblock() {
    // SAFETY: `sigemptyset` initialises the set before it is read, and the pointers are to a local that outlives the
    // calls. A null pointer for the old mask is allowed.
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

/// Lets the calling thread write to a terminal from a background process group although `stty tostop` is set: the
/// SIGTTOU of such a write would suspend the process in the middle of its shutdown.
pub(crate) fn write_in_background() {
    // SAFETY: `sigemptyset` initialises the set before it is read, and the pointers are to a local that outlives the
    // calls. A null pointer for the old mask is allowed.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
}
