//! [`StartError`]: why an app did not come up.

use std::error::Error;
use std::{fmt, io};

use crate::report::Report;

/// Why the app did not come up. What had been started has been taken down again.
///
/// It displays as one line, or, where the graph is wrong, as a line for each mistake.
///
/// # Source
///
/// [`source`](Error::source) is the error of the operating system if a thread that the app needs could not be created.
/// Errors of components are known as text only, in the message and by [`Report::root_error`]: their values are dropped
/// where they were returned, since their destructors are user code.
///
/// # Examples
///
/// ```
/// use lifecycle::{Lifecycle, resource};
///
/// struct Broken;
///
/// #[resource]
/// impl Broken {
///     async fn start() -> Result<Self, &'static str> {
///         Err("no luck")
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = Lifecycle::builder().resource::<Broken>().start().await.unwrap_err();
/// assert!(error.to_string().contains("`Broken` did not start: no luck"));
/// assert!(!error.is_config());
/// let report = error.report().expect("the startup had begun");
/// assert_eq!(report.exit_code(), 1);
/// # }
/// ```
#[derive(Debug)]
pub struct StartError {
    message: String,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    /// The graph is wrong.
    Refused,
    NoThread(io::Error),
    Failed(Box<Report>),
}

impl StartError {
    /// Returns whether the configuration is wrong, for which `main` would exit with code 2: the graph was refused, or a
    /// `start` returned a [`ConfigError`](crate::ConfigError).
    #[must_use]
    pub fn is_config(&self) -> bool {
        match &self.cause {
            Cause::Refused => true,
            Cause::NoThread(_) => false,
            Cause::Failed(report) => report.exit_code() == 2,
        }
    }

    /// Returns the report of what was started and taken down again, or `None` if nothing had started.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        match &self.cause {
            Cause::Failed(report) => Some(report),
            Cause::Refused | Cause::NoThread(_) => None,
        }
    }

    /// The graph is wrong, in these ways.
    pub(super) fn refused(findings: &[String]) -> Self {
        Self {
            message: findings.join("\n"),
            cause: Cause::Refused,
        }
    }

    pub(super) fn no_threads(error: io::Error) -> Self {
        Self {
            message: format!("the threads of the emergency hooks cannot be made: {error}"),
            cause: Cause::NoThread(error),
        }
    }

    /// The life ended before the app was up.
    pub(super) fn failed(report: Report) -> Self {
        let message = report.root_error().map_or_else(
            || format!("the app was stopped before it was up ({})", report.reason()),
            ToOwned::to_owned,
        );
        let rolled_back: Vec<String> = report
            .components()
            .iter()
            .filter(|component| component.stopped().is_some())
            .map(|component| format!("`{}`", component.name()))
            .collect();
        let message = if rolled_back.is_empty() {
            message
        } else {
            format!("{message}; taken down again: {}", rolled_back.join(", "))
        };
        Self {
            message,
            cause: Cause::Failed(Box::new(report)),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::NoThread(error) => Some(error),
            Cause::Refused | Cause::Failed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_thread_is_the_source() {
        let error = StartError::no_threads(io::Error::from(io::ErrorKind::WouldBlock));
        let source = error
            .source()
            .and_then(<dyn Error>::downcast_ref::<io::Error>);
        let kind = source.map(io::Error::kind);
        assert_eq!(kind, Some(io::ErrorKind::WouldBlock));
        assert!(!error.is_config() && error.report().is_none());
    }
}
