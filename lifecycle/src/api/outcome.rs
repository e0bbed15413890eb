//! What a hook's parameters may be, and what it may return.

use std::sync::Arc;

use crate::api::hook::StartContext;
use crate::api::record::Need;
use crate::api::resource::Provided;
use crate::api::shutdown::Shutdown;
use crate::api::tasks::Tasks;
use crate::api::worker::Ready;
use crate::error::BoxError;

/// What may stand in the parameters of a `start` or a worker: `Arc<T>` of a resource, [`Shutdown`], [`Tasks`], and for
/// workers [`Ready`]. `M` only tells the implementations apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter here",
    label = "neither a dependency nor a handle",
    note = "allowed are `&T` and `Arc<T>` of a resource `T`, `Shutdown`, `Tasks`, and `Ready` in a `#[background]` function"
)]
pub trait Parameter<M>: Sized {
    /// What it stands for.
    const NEED: Need;
    /// The value to hand over.
    fn take(context: &StartContext) -> Self;
}

/// Tells the implementations of [`Parameter`] apart.
#[derive(Debug)]
pub struct Handle;

impl<T: ?Sized + Provided<M>, M> Parameter<(M,)> for Arc<T> {
    const NEED: Need = Need::on::<T, M>();
    fn take(context: &StartContext) -> Self {
        context.get()
    }
}

#[diagnostic::do_not_recommend]
impl Parameter<Handle> for Shutdown {
    const NEED: Need = Need::SHUTDOWN;
    fn take(context: &StartContext) -> Self {
        context.shutdown()
    }
}

#[diagnostic::do_not_recommend]
impl Parameter<Handle> for Tasks {
    const NEED: Need = Need::TASKS;
    fn take(context: &StartContext) -> Self {
        context.tasks()
    }
}

#[diagnostic::do_not_recommend]
impl Parameter<Handle> for Ready {
    const NEED: Need = Need::READY;
    fn take(context: &StartContext) -> Self {
        context.ready()
    }
}

/// What a hook may return where a `T` is wanted: `T`, or `Result<T, E>`. `M` is always inferred.
#[diagnostic::on_unimplemented(
    message = "this must return `{T}` or `Result<{T}, E>`, not `{Self}`",
    label = "neither `{T}` nor a `Result` of it",
    note = "`E` is any error that converts into `Box<dyn Error + Send + Sync>`"
)]
pub trait Outcome<T, M> {
    /// The value, or the error in a box.
    ///
    /// # Errors
    ///
    /// The hook's own.
    fn outcome(self) -> Result<T, BoxError>;
}

/// [`Outcome`] of what cannot fail.
#[derive(Debug)]
pub struct Infallible;

/// [`Outcome`] of a `Result`.
#[derive(Debug)]
pub struct Fallible;

impl<T> Outcome<T, Infallible> for T {
    fn outcome(self) -> Result<T, BoxError> {
        Ok(self)
    }
}

impl<T, E: Into<BoxError>> Outcome<T, Fallible> for Result<T, E> {
    fn outcome(self) -> Result<T, BoxError> {
        self.map_err(Into::into)
    }
}
