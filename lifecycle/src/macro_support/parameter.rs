//! [`Parameter`] and [`Field`]: what a hook can take as a parameter, and an app as a field.

use std::sync::Arc;

use crate::api::hook::StartContext;
use crate::api::ready::Ready;
use crate::api::record::Need;
use crate::api::resource::Provided;
use crate::api::shutdown::Shutdown;
use crate::api::tasks::Tasks;

/// The type of a parameter of a `start` or a worker: `Arc<T>` of a resource, [`Shutdown`], [`Tasks`], and [`Ready`] for
/// workers. `M` only tells the implementations apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter here",
    label = "neither a dependency nor a handle",
    note = "allowed are `&T` and `Arc<T>` of a resource `T`, `Shutdown`, `Tasks`, and `Ready` in a `#[background]` function"
)]
pub trait Parameter<M>: Sized {
    /// The need that the parameter stands for.
    const NEED: Need;
    /// Takes the argument from the context.
    fn take(context: &StartContext) -> Self;
}

/// Marks the implementations of [`Parameter`] for handles.
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

/// The type of a field of an app: `Arc<T>` of a resource. `M` only tells implementations apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an app",
    label = "not an `Arc` of a resource",
    note = "the fields of an app are `Arc<T>` of resources `T`"
)]
pub trait Field<M>: Sized {
    /// The need for the resource.
    const NEED: Need;
    /// Takes the value of the field from the context.
    fn take(context: &StartContext) -> Self;
}

impl<T: ?Sized + Provided<M>, M> Field<(M,)> for Arc<T> {
    const NEED: Need = Need::on::<T, M>();
    fn take(context: &StartContext) -> Self {
        context.get()
    }
}
