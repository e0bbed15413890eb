//! Environment variables that child processes must not inherit.

#![allow(
    unsafe_code,
    reason = "removing a variable races with threads that read the environment; see below"
)]

use std::ffi::OsString;

/// Removes the variable from the environment and returns its value. Must be called while the process has one thread.
pub(crate) fn take(name: &str) -> Option<OsString> {
    let value = std::env::var_os(name)?;
    // SAFETY: every caller runs on behalf of `crate::process` in the first lines of `main`, before any thread is
    // spawned, so that no other thread can read the environment meanwhile.
    unsafe { std::env::remove_var(name) };
    Some(value)
}
