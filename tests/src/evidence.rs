//! What a program did, and when: lines on a pipe that it inherits as its standard input.
//!
//! A pipe can be waited for without polling, survives the process, and needs neither of its outputs. Standard input is
//! the one descriptor that is handed on without `unsafe` and that no program here has another use for.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::sync::LazyLock;
use std::time::Duration;

static PIPE: LazyLock<Option<File>> = LazyLock::new(|| {
    let pipe = std::io::stdin().as_fd().try_clone_to_owned();
    pipe.ok().map(File::from)
});

/// The monotonic clock, which all processes share.
#[must_use]
pub fn now() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(
        now.tv_sec.cast_unsigned(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

/// Writes that something happened now: one write, so that lines of several threads do not mix.
pub fn note(what: impl AsRef<str>) {
    let line = format!("{} {}\n", now().as_nanos(), what.as_ref());
    if let Some(mut pipe) = PIPE.as_ref() {
        // A test that has seen enough may have closed the other end.
        let _ = pipe.write_all(line.as_bytes());
    }
}

/// Opens the pipe now rather than with the first line.
pub fn open() {
    LazyLock::force(&PIPE);
}
