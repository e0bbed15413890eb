//! Errors of the public API, and what to make of those of users.

pub(crate) mod escape;
pub(crate) mod failure;
pub(crate) mod panic;

use std::error::Error;
use std::io;

/// The error of a hook, whatever its type was.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Wrong configuration, found by a `start`: the process ends with exit code 2 instead of 1, so that a supervisor can
/// tell what a restart will not mend.
///
/// ```
/// use lifecycle::ConfigError;
///
/// fn port(value: &str) -> Result<u16, ConfigError> {
///     value.parse().map_err(|_| ConfigError::new(format!("PORT={value}: allowed is a number from 0 to 65535")))
/// }
/// assert!(port("http").unwrap_err().to_string().starts_with("PORT=http"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// Says what is wrong: name the setting, its value and what is allowed.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Whether the error, or anything in its source chain, says that the other side has gone: connection reset, connection
/// aborted, broken pipe, not connected, unexpected end of file ([`std::io::ErrorKind`]).
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

/// An error and everything below it. `io::Error` hides the error it was made of from `source`, so it is opened.
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

/// Why a tracked task gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// It was cancelled, or the scope had ended before it was spawned.
    #[error("the task was cancelled")]
    Cancelled,
    /// It panicked, with this message.
    #[error("the task panicked: {0}")]
    Panicked(String),
}

/// The app is draining: no new work is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the app is stopping and admits no new work")]
pub struct Draining;
