//! Terminals that others use, too.

#![allow(
    unsafe_code,
    reason = "groups of processes are asked for through C; each use says why it is sound"
)]

/// Whether standard error is the terminal of a session in which another group of processes has its turn: this one was
/// started with `&`, or goes on after Ctrl+Z and `bg`.
pub(crate) fn is_in_background() -> bool {
    // SAFETY: neither call takes a pointer; an error is no group.
    unsafe {
        let turn = libc::tcgetpgrp(libc::STDERR_FILENO);
        turn > 0 && turn != libc::getpgrp()
    }
}
