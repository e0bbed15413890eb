//! Terminals that are shared with other process groups.

#![allow(
    unsafe_code,
    reason = "the process group of a terminal is a C interface; each use says why it is sound"
)]

/// Whether standard error is a terminal whose foreground process group is another one: this process was started with
/// `&`, or continued with `bg` after Ctrl+Z.
pub(crate) fn is_in_background() -> bool {
    // `rustix` has safe wrappers for both calls, but would add three crates to the default features for them.
    // SAFETY: neither call takes a pointer. A closed descriptor, or one that is not a terminal, yields -1.
    unsafe {
        let foreground = libc::tcgetpgrp(libc::STDERR_FILENO);
        foreground > 0 && foreground != libc::getpgrp()
    }
}
