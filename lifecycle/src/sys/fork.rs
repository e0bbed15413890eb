//! Child processes that `fork` makes of this one. They inherit its signal handlers, but none of its threads, so that a
//! handler that wakes a thread would swallow the signal.
//!
//! Nothing is stored in a child but by the handler of `pthread_atfork`: one made by `vfork` shares its parent's memory.

#![allow(
    unsafe_code,
    reason = "the ids of processes and handlers of `fork` are C interfaces; each use says why it is sound"
)]

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed, Ordering::SeqCst};

/// The process that leads the life; 0 while none does.
static OWNER: AtomicI32 = AtomicI32::new(0);
/// Set in a child that `fork` made of it: a load is cheaper than a system call.
static FORKED: AtomicBool = AtomicBool::new(false);

extern "C" fn in_child() {
    FORKED.store(true, Relaxed);
}

/// The calling process leads the life.
pub(crate) fn claim() -> io::Result<()> {
    OWNER.store(id(), SeqCst);
    // SAFETY: the handler is a function, valid as long as the process, and does nothing but a store.
    match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Whether the calling process is a child of the one that leads the life. Async-signal-safe.
pub(crate) fn is_child() -> bool {
    let owner = OWNER.load(SeqCst);
    // Two processes may have one id, in different namespaces: as the first one there.
    owner != 0 && (owner != id() || FORKED.load(Relaxed))
}

/// Ends the calling process with code 2 if it is a child that came back from user code, as a daemon does: it has none of
/// the threads that lead the life. `place` describes that code.
pub(crate) fn refuse_daemon(place: impl FnOnce() -> String) {
    if FORKED.load(Relaxed) {
        let place = place();
        super::stderr::write(&format!(
            "error: {place} has forked, and its child process goes on in place of the application. The child has none of \
             the threads that run the application, so it ends here with exit code 2. Keep the application in the \
             foreground, and let systemd (Type=notify or Type=exec), a container or a shell (`app &`) put it into the \
             background; a process that must fork itself does so before `main` begins\n"
        ));
        // Without handlers of `exit`: those are the parent's.
        signal_hook::low_level::exit(2);
    }
}

/// The system call, since a library may keep the id of the parent.
fn id() -> libc::pid_t {
    // SAFETY: the call takes no arguments and always succeeds.
    #[cfg(target_os = "linux")]
    let id = unsafe { libc::syscall(libc::SYS_getpid) };
    #[cfg(not(target_os = "linux"))]
    // SAFETY: as above.
    let id = unsafe { libc::getpid() };
    #[allow(
        clippy::useless_conversion,
        reason = "the call returns a long on Linux"
    )]
    libc::pid_t::try_from(id).unwrap_or(-1)
}
