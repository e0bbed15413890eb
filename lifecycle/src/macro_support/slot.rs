//! What only expansions call: where a type in an annotation is asserted to be what it must be.

pub(crate) mod entry_spec;
pub(crate) mod parameter;

use std::fmt;
use std::sync::Arc;

use crate::api::app::AppRecord;
use crate::api::hook::{StartContext, Stopped};
use crate::api::record::Need;
use crate::api::resource::Provided;
use crate::error::BoxError;
use crate::macro_support::entry_spec::EntryParameter;
use crate::macro_support::parameter::{Fallible, Infallible, Parameter};

/// A parameter or a field, resolved: what it stands for and how it is taken. A constant of this type is the one place
/// where the parameter's type meets the traits, so that a wrong one is one error.
pub struct Slot<P> {
    /// What it stands for.
    pub need: Need,
    /// Takes it out of the context.
    pub take: fn(&StartContext) -> P,
}

impl<P> Slot<P> {
    /// Of a `start` or a worker.
    #[must_use]
    pub const fn parameter<M>() -> Self
    where
        P: Parameter<M>,
    {
        Self {
            need: P::NEED,
            take: P::take,
        }
    }

    /// Of an app.
    #[must_use]
    pub const fn field<M>() -> Self
    where
        P: Field<M>,
    {
        Self {
            need: P::NEED,
            take: P::take,
        }
    }
}

impl<P> fmt::Debug for Slot<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.need).finish()
    }
}

/// A parameter of `main` or of a test, resolved.
pub struct EntrySlot<P> {
    /// The app, where it is one.
    pub app: Option<AppRecord>,
    /// Takes it out of the context.
    pub take: fn(&StartContext) -> P,
}

impl<P> EntrySlot<P> {
    /// Of `main` or of a test.
    #[must_use]
    pub const fn parameter<M>() -> Self
    where
        P: EntryParameter<M>,
    {
        Self {
            app: P::APP,
            take: P::take,
        }
    }
}

impl<P> fmt::Debug for EntrySlot<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EntrySlot").field(&self.app).finish()
    }
}

/// What may be a field of an app: `Arc<T>` of a resource. `M` only tells implementations apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an app",
    label = "not an `Arc` of a resource",
    note = "the fields of an app are `Arc<T>` of resources `T`"
)]
pub trait Field<M>: Sized {
    /// The resource.
    const NEED: Need;
    /// The value to hand over.
    fn take(context: &StartContext) -> Self;
}

impl<T: ?Sized + Provided<M>, M> Field<(M,)> for Arc<T> {
    const NEED: Need = Need::on::<T, M>();
    fn take(context: &StartContext) -> Self {
        context.get()
    }
}

/// What a `stop` may return. `M` is always inferred.
#[diagnostic::on_unimplemented(
    message = "this must return `()` or `Result<(), E>`, not `{Self}`",
    label = "neither `()` nor a `Result` of it",
    note = "`E` is any error that converts into `Box<dyn Error + Send + Sync>`"
)]
pub trait StopOutcome<M> {
    /// How it ended.
    ///
    /// # Errors
    ///
    /// The hook's own.
    fn stopped(self) -> Result<Stopped, BoxError>;
}

impl StopOutcome<Infallible> for () {
    fn stopped(self) -> Result<Stopped, BoxError> {
        Ok(Stopped::Clean)
    }
}

impl<E: Into<BoxError>> StopOutcome<Fallible> for Result<(), E> {
    fn stopped(self) -> Result<Stopped, BoxError> {
        match self {
            Ok(()) => Ok(Stopped::Clean),
            Err(error) => Err(error.into()),
        }
    }
}

/// What must return one type and no other.
#[diagnostic::on_unimplemented(
    message = "this must return `{T}`, not `{Self}`",
    label = "not `{T}`"
)]
pub trait Exactly<T> {
    /// The value.
    fn exactly(self) -> T;
}

impl<T> Exactly<T> for T {
    #[inline]
    fn exactly(self) -> T {
        self
    }
}

/// What a `stop` returned, looked at by `expects`.
#[derive(Debug)]
pub struct Judged(Result<Stopped, BoxError>);

impl StopOutcome<Judged> for Judged {
    fn stopped(self) -> Result<Stopped, BoxError> {
        self.0
    }
}

/// Asks `expects` about the error of a `stop`, while it still has its own type.
pub fn judged<E: Into<BoxError>>(
    outcome: Result<(), E>,
    expects: impl FnOnce(&E) -> bool,
) -> Judged {
    Judged(match outcome {
        Ok(()) => Ok(Stopped::Clean),
        Err(error) if expects(&error) => Ok(Stopped::Expected(error.into())),
        Err(error) => Err(error.into()),
    })
}
