//! [`Failure`]: what the framework keeps of an error of user code.

use std::error::Error;
use std::fmt::Write as _;

use super::chain::{chain, is_disconnect};
use super::escape::escape;
use super::public::{BoxError, ConfigError, Draining, TaskError};

/// What the driver needs to know of an error of user code.
///
/// It is created on the thread that runs that code, and the error is dropped there: its `Display` and its destructor are
/// user code as well, which must not run in the driver.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The error with its causes, on one line.
    pub(crate) text: String,
    /// Whether the configuration is wrong.
    pub(crate) config: bool,
    /// Whether stopping provokes such an error: a closed connection or cancelled work.
    pub(crate) provoked: bool,
}

impl From<BoxError> for Failure {
    fn from(error: BoxError) -> Self {
        Self {
            text: one_line(&*error),
            config: chain(&*error).any(<dyn Error>::is::<ConfigError>),
            provoked: is_disconnect(&*error) || is_cancellation(&*error),
        }
    }
}

/// The error with its causes, on one line. A cause that the text already ends with is omitted, since many errors include
/// their source in their own message. Control characters are escaped.
pub(crate) fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for error in chain(error) {
        let message = error.to_string();
        if text.is_empty() {
            text = message;
        } else if !message.is_empty() && !text.ends_with(&message) {
            let _ = write!(text, ": {message}");
        }
    }
    escape(&text)
}

/// Whether the error says that the work was cancelled, or that the app is stopping.
fn is_cancellation(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| {
        error
            .downcast_ref::<tokio::task::JoinError>()
            .is_some_and(tokio::task::JoinError::is_cancelled)
            || matches!(error.downcast_ref(), Some(TaskError::Cancelled))
            || error.is::<Draining>()
    })
}

#[cfg(test)]
mod tests {
    use std::{fmt, io};

    use proptest::prelude::*;

    use super::super::escape::tests::{acts, text};
    use super::*;

    #[derive(Debug)]
    struct Caused(String, Option<Box<Caused>>);

    impl fmt::Display for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    fn caused(messages: &[String]) -> Option<Box<Caused>> {
        let (first, rest) = messages.split_first()?;
        Some(Box::new(Caused(first.clone(), caused(rest))))
    }

    proptest! {
        #[test]
        fn d7_an_error_and_its_causes_are_one_line(
            messages in prop::collection::vec(text(), 1..5),
            hidden in any::<bool>(),
        ) {
            let error: BoxError = match caused(&messages) {
                Some(error) if hidden => Box::new(io::Error::other(error)),
                Some(error) => error,
                None => unreachable!("there is at least one message"),
            };
            let line = one_line(&*error);
            prop_assert!(!line.chars().any(acts), "{line:?}");
            for message in &messages {
                let part = escape(message);
                prop_assert!(line.contains(part.trim()), "{part:?} is not in {line:?}");
            }
        }
    }
}
