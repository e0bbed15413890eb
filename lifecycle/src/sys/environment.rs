//! Variables that children must not inherit.

#![allow(
    unsafe_code,
    reason = "other threads may be reading the environment; see below"
)]

use std::ffi::OsString;

/// Takes the variable out of the environment. To be called while the process has one thread.
pub(crate) fn take(name: &str) -> Option<OsString> {
    let value = std::env::var_os(name)?;
    // SAFETY: its callers work for `crate::process` in the first lines of `main`, before a thread is made.
    unsafe { std::env::remove_var(name) };
    Some(value)
}
