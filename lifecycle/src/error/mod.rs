//! Errors of the public API, and what to make of those of users.

use std::any::Any;
use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::admit::Draining;
use crate::tasks::TaskError;

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

/// The error with its causes, on one line, without what a cause repeats and with control characters escaped.
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

/// Characters that act instead of being shown, as escapes: a name or an error cannot forge lines, move a terminal's
/// cursor, or turn the direction of what follows.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.trim_end().chars() {
        if character.is_control() || turns_or_breaks(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Whether the character changes the direction of the text around it, or ends a line without being a control character.
fn turns_or_breaks(character: char) -> bool {
    matches!(
        character,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// What the life has to know of an error of user code. Made where that code runs, which also drops the error there: how
/// an error writes itself, and its destructor, are user code too.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The error with its causes, on one line.
    pub(crate) text: String,
    /// Whether the configuration is wrong.
    pub(crate) config: bool,
    /// Whether it is what being told to stop provokes.
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

/// Calls user code. Of a panic only the message is left: its payload has been dropped, whatever that did.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let message = panic_message(&*payload);
        drop_payload(payload);
        message
    })
}

/// Drops what a panic was made of, whose destructor may panic in turn.
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // It might go on for ever.
        std::mem::forget(again);
    }
}

/// Nothing that `Box<dyn Error>` of a panic's payload says is lost.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use proptest::prelude::*;

    use super::*;

    fn acts(character: char) -> bool {
        character.is_control() || turns_or_breaks(character)
    }

    /// Any text, most of it of what must be escaped.
    fn text() -> impl Strategy<Value = String> {
        let acting: Vec<char> = ('\0'..=char::MAX).filter(|c| acts(*c)).collect();
        let pieces = prop_oneof![
            any::<String>(),
            Just("\u{1b}[2J".to_owned()),
            Just("\n✓ all is well\r".to_owned()),
            prop::sample::select(acting).prop_map(String::from),
        ];
        prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn d7_what_acts_is_known() {
        let known = "\0\t\n\r\u{7}\u{1b}\u{7f}\u{9b}\u{2028}\u{202a}\u{202e}\u{2066}\u{2069}";
        assert!(known.chars().all(acts));
        assert!(!" aé☃✓\u{2027}\u{202f}".chars().any(acts));
    }

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
        fn d7_nothing_that_acts_is_left_by_escaping(text in text()) {
            let escaped = escape(&text);
            prop_assert!(!escaped.chars().any(acts), "{escaped:?}");
            prop_assert_eq!(escape(&escaped), escaped.as_str());
        }

        #[test]
        fn d7_what_only_shows_is_left_as_it_is(text in any::<String>()) {
            let shown: String = text.chars().filter(|c| !acts(*c)).collect();
            prop_assert_eq!(escape(&shown), shown.trim_end());
        }

        #[test]
        fn d7_an_error_and_its_causes_are_one_line(
            messages in prop::collection::vec(text(), 1..5),
            hidden in any::<bool>(),
        ) {
            let error: BoxError = match caused(&messages) {
                Some(error) if hidden => Box::new(io::Error::other(error)),
                Some(error) => error,
                None => unreachable!("there is one at least"),
            };
            let line = one_line(&*error);
            prop_assert!(!line.chars().any(acts), "{line:?}");
            for message in &messages {
                let said = escape(message);
                prop_assert!(line.contains(said.trim()), "{said:?} is not in {line:?}");
            }
        }
    }
}
