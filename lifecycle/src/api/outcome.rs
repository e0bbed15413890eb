//! [`Outcome`]: what a hook, a worker or `main` may return, and [`HookError`]: with which errors.

use std::error::Error;

use crate::api::sealed::Sealed;
use crate::error::BoxError;
use crate::error::described::described;

/// The return type of a hook, a worker or `main` where a `T` is expected: `T` itself, or `Result<T, E>`. An endless loop may
/// return `!` in place of `()`.
///
/// `E` is any error that converts into [`BoxError`], or a `Box<dyn Error>` that is not `Send` or not `Sync`, of which the
/// texts and the causes are kept. `M` only tells the two implementations apart; it is always inferred.
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
    note = "`E` is any type that implements `std::error::Error`, or `Box<dyn Error>`, `anyhow::Error`, `String`"
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

impl<T> Outcome<T, Infallible> for T {
    const SEALED: Sealed = Sealed::SEAL;

    fn outcome(self) -> Result<T, BoxError> {
        Ok(self)
    }
}

impl<T, E: HookError<M>, M> Outcome<T, (M,)> for Result<T, E> {
    const SEALED: Sealed = Sealed::SEAL;

    fn outcome(self) -> Result<T, BoxError> {
        self.map_err(HookError::boxed)
    }
}

/// Marks the implementation of [`Outcome`] for `!`.
#[derive(Debug)]
pub struct Endless;

/// Names the output of a function pointer. This is how `!` can be named outside of a return type.
pub trait Function {
    /// The return type.
    type Output;
}

impl<R> Function for fn() -> R {
    type Output = R;
}

/// For blocks that end with an endless loop. The attributes accept `-> !` without it.
#[diagnostic::do_not_recommend]
impl Outcome<(), Endless> for <fn() -> ! as Function>::Output {
    const SEALED: Sealed = Sealed::SEAL;

    fn outcome(self) -> Result<(), BoxError> {
        self
    }
}

/// An error that a hook, a worker or `main` may return. `M` only tells the implementations apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a hook, a worker or `main`",
    label = "not an error",
    note = "implement `std::error::Error` for it, or return `Box<dyn Error>`, `anyhow::Error` or `String`"
)]
pub trait HookError<M> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// Converts the error into one that can be sent between threads.
    fn boxed(self) -> BoxError;
}

/// Marks the implementation of [`HookError`] for errors that convert into [`BoxError`].
#[derive(Debug)]
pub struct Converted;

/// Marks the implementations of [`HookError`] for errors of which a copy of what they say is kept.
#[derive(Debug)]
pub struct Copied;

// Errors name the type that the user wrote, not what `Into` would need of it.
#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> HookError<Converted> for E {
    const SEALED: Sealed = Sealed::SEAL;

    fn boxed(self) -> BoxError {
        self.into()
    }
}

// `Box<dyn Error + Send + Sync>`, the fourth, converts into itself.

impl HookError<Copied> for Box<dyn Error> {
    const SEALED: Sealed = Sealed::SEAL;

    fn boxed(self) -> BoxError {
        described(&*self)
    }
}

impl HookError<Copied> for Box<dyn Error + Send> {
    const SEALED: Sealed = Sealed::SEAL;

    fn boxed(self) -> BoxError {
        described(&*self)
    }
}

impl HookError<Copied> for Box<dyn Error + Sync> {
    const SEALED: Sealed = Sealed::SEAL;

    fn boxed(self) -> BoxError {
        described(&*self)
    }
}
