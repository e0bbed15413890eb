//! The source chain of an error, and what it says.

use std::error::Error;
use std::io;

/// Returns whether an error, or an error in its source chain, says that the peer has closed the connection.
///
/// That is an [`io::Error`] of kind [`ConnectionReset`](io::ErrorKind::ConnectionReset),
/// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted), [`BrokenPipe`](io::ErrorKind::BrokenPipe),
/// [`NotConnected`](io::ErrorKind::NotConnected) or [`UnexpectedEof`](io::ErrorKind::UnexpectedEof). During shutdown such
/// errors are expected: the framework does not count them as failures, and a resource's `expects` can ask the same.
///
/// ```
/// use std::io::{Error, ErrorKind};
///
/// assert!(lifecycle::is_disconnect(&Error::from(ErrorKind::BrokenPipe)));
/// assert!(!lifecycle::is_disconnect(&Error::from(ErrorKind::NotFound)));
/// ```
#[must_use]
pub fn is_disconnect(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| {
        error.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::NotConnected
                    | io::ErrorKind::UnexpectedEof
            )
        })
    })
}

/// An error and its sources. The `source` of an `io::Error` is that of the error it wraps, so that the chain would skip the
/// wrapped error itself: it is unwrapped here.
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    fn below<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        let error: &'a (dyn Error + 'static) = *error;
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), below)
}
