//! The upper bound of a stream's size hint.

use std::pin::Pin;

use futures_core::Stream;

/// The most items that can still follow: `own`, and those of the inner stream unless it has been dropped.
pub(super) fn at_most<S: Stream>(stream: Option<&Pin<Box<S>>>, own: usize) -> Option<usize> {
    match stream {
        Some(stream) => stream.size_hint().1?.checked_add(own),
        None => Some(own),
    }
}
