//! What a program did, and when: lines on a pipe that it inherits as standard input.
//!
//! A pipe can be waited for without polling, outlives the process, and leaves both outputs free. Standard input is the
//! one descriptor that can be passed on without `unsafe`, that no program here uses, and that a stray close of higher
//! descriptors leaves open.

use std::fmt::{self, Write as _};
use std::time::Duration;

/// The monotonic clock, which all processes share.
#[must_use]
pub fn now() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(
        now.tv_sec.cast_unsigned(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

/// Records that `what` happened now, in one write, so that lines of several threads do not mix. It takes no memory,
/// lock or new descriptor, so that a process that has none left can still call it.
pub fn note(what: impl fmt::Display) {
    let mut line = Line {
        bytes: [0; 256],
        len: 0,
    };
    // A line that is too long is truncated.
    let _ = write!(line, "{} {what}", now().as_nanos());
    line.bytes[line.len] = b'\n';
    // A test that has seen enough may have closed the other end.
    let _ = rustix::io::write(rustix::stdio::stdin(), &line.bytes[..=line.len]);
}

struct Line {
    bytes: [u8; 256],
    len: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Leaves room for the newline.
        let room = self.bytes.len() - 1 - self.len;
        let taken = &text.as_bytes()[..text.len().min(room)];
        self.bytes[self.len..][..taken.len()].copy_from_slice(taken);
        self.len += taken.len();
        Ok(())
    }
}
