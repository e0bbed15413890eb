//! The writers of `Setup::flush_at_exit`, which are dropped last.

use std::any::Any;
use std::io::Write as _;

use crate::error::panic::caught;

/// Guards of writers that flush when they are dropped.
pub(super) type Writers = Vec<Box<dyn Any + Send>>;

/// Writes everything that is buffered. The last thing in a process that ends gracefully.
pub(super) fn flush(writers: Writers) {
    for writer in writers {
        // Each by itself: a writer that panics takes nothing from the others.
        let _ = caught(|| drop(writer));
    }
    let _ = std::io::stdout().flush();
}
