//! Times in nanoseconds: a `Duration` cannot be compared in constant evaluation.

use std::time::Duration;

/// A year has 3.2e16 of them, so that 500 years fit.
pub(super) const fn nanos(time: Option<Duration>) -> u64 {
    match time {
        None => 0,
        Some(time) if time.as_nanos() > u64::MAX as u128 => u64::MAX,
        Some(time) => time.as_nanos() as u64,
    }
}

pub(super) const fn add(a: u64, b: u64) -> u64 {
    a.saturating_add(b)
}

pub(super) const fn max(a: u64, b: u64) -> u64 {
    if a > b { a } else { b }
}
