//! What the functions of a resource return, apart from [`Outcome`](crate::Outcome): [`StopOutcome`] and [`Exactly`].

use crate::api::hook::Stopped;
use crate::api::outcome::{HookError, Infallible};
use crate::error::BoxError;

/// The return type of a `stop`: `()`, `Result<(), E>`, or [`Judged`]. `M` is always inferred.
#[diagnostic::on_unimplemented(
    message = "this must return `()` or `Result<(), E>`, not `{Self}`",
    label = "neither `()` nor a `Result` of it",
    note = "`E` is any type that implements `std::error::Error`, or `Box<dyn Error>`, `anyhow::Error`, `String`"
)]
pub trait StopOutcome<M> {
    /// Converts the returned value into how the stop ended.
    ///
    /// # Errors
    ///
    /// Returns the error of the hook, unless it is expected.
    fn stopped(self) -> Result<Stopped, BoxError>;
}

impl StopOutcome<Infallible> for () {
    fn stopped(self) -> Result<Stopped, BoxError> {
        Ok(Stopped::Clean)
    }
}

impl<E: HookError<M>, M> StopOutcome<(M,)> for Result<(), E> {
    fn stopped(self) -> Result<Stopped, BoxError> {
        match self {
            Ok(()) => Ok(Stopped::Clean),
            Err(error) => Err(error.boxed()),
        }
    }
}

/// The return type of a function that must return exactly one type.
#[diagnostic::on_unimplemented(
    message = "this must return `{T}`, not `{Self}`",
    label = "not `{T}`"
)]
pub trait Exactly<T> {
    /// Returns the value itself.
    fn exactly(self) -> T;
}

impl<T> Exactly<T> for T {
    #[inline]
    fn exactly(self) -> T {
        self
    }
}

/// What a `stop` returned, after `expects` has judged its error.
#[derive(Debug)]
pub struct Judged(Result<Stopped, BoxError>);

impl StopOutcome<Judged> for Judged {
    fn stopped(self) -> Result<Stopped, BoxError> {
        self.0
    }
}

/// Lets `expects` judge the error of a `stop` while that still has its own type.
pub fn judged<E: HookError<M>, M>(
    outcome: Result<(), E>,
    expects: impl FnOnce(&E) -> bool,
) -> Judged {
    Judged(match outcome {
        Ok(()) => Ok(Stopped::Clean),
        Err(error) if expects(&error) => Ok(Stopped::Expected(error.boxed())),
        Err(error) => Err(error.boxed()),
    })
}
