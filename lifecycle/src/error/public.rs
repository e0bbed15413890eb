//! The errors of the public API.

use std::error::Error;

/// The error of a hook with its type erased. Any error that is `Send + Sync` converts into it with `?`.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Reports a wrong configuration from a `start`, so that the process exits with code 2 instead of 1.
///
/// A supervisor can tell from the code that a restart will not help. The error may be anywhere in the source chain of what
/// `start` returns. A start that fails with it is not retried.
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
    /// Creates an error with this message, which should name the setting, its value and what is allowed.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Why a tracked [`Task`](crate::Task) has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The task was cancelled, or its scope had ended before the task was spawned.
    #[error("the task was cancelled")]
    Cancelled,
    /// The task panicked with this message.
    #[error("the task panicked: {0}")]
    Panicked(String),
}

/// The error of [`Shutdown::admit`](crate::Shutdown::admit): the app drains and admits no new work.
///
/// A server answers it with "try again elsewhere", such as HTTP 503. A hook or a worker may also return it: during shutdown
/// it does not count as a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the app is stopping and admits no new work")]
#[non_exhaustive]
pub struct Draining;
