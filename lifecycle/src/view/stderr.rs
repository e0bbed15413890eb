//! Lines on standard error.

use std::io::Write as _;

/// Writes the text as one line, and flushes it. An output that is closed or full is not an error here: the life of the
/// app does not depend on it.
pub(crate) fn write_line(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // In one call, so that lines of other threads do not end up in the middle of it.
    let _ = stderr.write_all(format!("{text}\n").as_bytes());
    let _ = stderr.flush();
}
