//! [`Outcome`]: what a hook, a worker or `main` may return.

use crate::api::sealed::Sealed;
use crate::error::BoxError;

/// The return type of a hook, a worker or `main` where a `T` is expected: `T` itself, or `Result<T, E>`.
///
/// `E` is any error that converts into [`BoxError`]. `M` only tells the two implementations apart; it is always inferred.
/// The trait is sealed. It is public so that a function that passes a closure on to
/// [`Builder::background`](crate::Builder::background) can name the bound:
///
/// ```
/// use lifecycle::{Builder, Outcome, Shutdown};
///
/// /// Adds a worker whose name has the prefix of its tenant.
/// fn tenant_worker<F, Fut, M>(builder: Builder, tenant: &str, run: F) -> Builder
/// where
///     F: FnOnce(Shutdown) -> Fut + Send + 'static,
///     Fut: Future + Send + 'static,
///     Fut::Output: Outcome<(), M>,
/// {
///     builder.background(format!("{tenant}-worker"), run)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "this must return `{T}` or `Result<{T}, E>`, not `{Self}`",
    label = "neither `{T}` nor a `Result` of it",
    note = "`E` is any error that converts into `Box<dyn Error + Send + Sync>`"
)]
pub trait Outcome<T, M> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// Converts the returned value into a `Result` whose error is boxed.
    ///
    /// # Errors
    ///
    /// Returns the error of the hook, if it returned one.
    fn outcome(self) -> Result<T, BoxError>;
}

/// Marks the implementation of [`Outcome`] for a value that is not a `Result`.
#[derive(Debug)]
pub struct Infallible;

/// Marks the implementation of [`Outcome`] for a `Result`.
#[derive(Debug)]
pub struct Fallible;

impl<T> Outcome<T, Infallible> for T {
    const SEALED: Sealed = Sealed::SEAL;

    fn outcome(self) -> Result<T, BoxError> {
        Ok(self)
    }
}

impl<T, E: Into<BoxError>> Outcome<T, Fallible> for Result<T, E> {
    const SEALED: Sealed = Sealed::SEAL;

    fn outcome(self) -> Result<T, BoxError> {
        self.map_err(Into::into)
    }
}
