//! Ends by a signal: what a parent process, a core and systemd see is what they would without a handler.

#![allow(
    unsafe_code,
    reason = "dispositions, masks and signals are C interfaces; each use says why it is sound"
)]

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use std::time::Duration;

use libc::SIGABRT;

/// The thread that aborts first, which waits in its handler; 0 while none does.
static ABORTING: AtomicI32 = AtomicI32::new(0);
/// It is to end the process now.
static ENDS: AtomicBool = AtomicBool::new(false);

/// How long the aborting thread may take to end the process, before another one does.
const OWN_END: Duration = Duration::from_millis(20);

/// Ends the process by the default effect of the signal, or with code 128 + n where that has none, as for process 1.
/// Async-signal-safe.
pub(crate) fn take(signal: i32) -> ! {
    restore(signal);
    // SAFETY: `sigemptyset` initialises the set before it is read, and the pointers are to a local that outlives the
    // calls. A null pointer for the old mask is allowed. The signal is sent to this process, and `_exit` takes no pointer.
    // All of it is async-signal-safe. The thread's id is asked of the kernel: the C library's may be that of a parent.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        #[cfg(target_os = "linux")]
        send_to(thread(), signal);
        libc::kill(libc::getpid(), signal);
        libc::_exit(128 + signal)
    }
}

/// Keeps the thread that aborts in its handler, with all signals blocked, until the process is to end. The thread then ends
/// it itself, so that a core names it. Async-signal-safe.
pub(crate) fn wait_in_abort() -> ! {
    #[cfg(target_os = "linux")]
    let _ = ABORTING.compare_exchange(0, thread(), SeqCst, SeqCst);
    loop {
        if ENDS.load(SeqCst) {
            take(SIGABRT);
        }
        wait_for_abort();
    }
}

/// Ends the process by SIGABRT, on the thread that aborts. Async-signal-safe.
pub(crate) fn abort() -> ! {
    restore(SIGABRT);
    ENDS.store(true, SeqCst);
    #[cfg(target_os = "linux")]
    if let aborting @ 1.. = ABORTING.load(SeqCst) {
        send_to(aborting, SIGABRT);
        sleep(OWN_END);
    }
    take(SIGABRT)
}

fn restore(signal: i32) {
    // SAFETY: a zeroed `sigaction` is a valid value of the C struct: the default disposition, with an empty mask. The
    // pointer is to a local that outlives the call, and a null pointer for the old action is allowed.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

/// Waits for a SIGABRT that is blocked, or a second.
#[cfg(target_os = "linux")]
fn wait_for_abort() {
    let most = timespec(Duration::from_secs(1));
    // SAFETY: `sigemptyset` initialises the set before it is read, and the pointers are to locals that outlive the calls. A
    // null pointer for the signal's details is allowed.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, SIGABRT);
        libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const most);
    }
}

#[cfg(not(target_os = "linux"))]
fn wait_for_abort() {
    sleep(Duration::from_secs(1));
}

fn sleep(time: Duration) {
    let time = timespec(time);
    // SAFETY: the pointer is to a local that outlives the call. A null pointer for the remaining time is allowed.
    unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
}

fn timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

#[cfg(target_os = "linux")]
fn thread() -> libc::pid_t {
    // SAFETY: the call takes no arguments and always succeeds.
    let id = unsafe { libc::syscall(libc::SYS_gettid) };
    id.try_into().unwrap_or(0)
}

#[cfg(target_os = "linux")]
fn send_to(thread: libc::pid_t, signal: i32) {
    // SAFETY: the call takes no pointer. A thread that is gone is an error.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal) };
}
