//! [`Slot`] and [`EntrySlot`]: parameters and fields, resolved.

use std::fmt;
use std::sync::Arc;

use crate::api::app::AppRecord;
use crate::api::hook::StartContext;
use crate::api::record::Need;
use crate::api::resource::Provided;
use crate::macro_support::entry_spec::EntryParameter;
use crate::macro_support::parameter::{Field, Parameter};

/// A resolved parameter or field: the need that it stands for, and how its value is taken.
///
/// An expansion has one constant of this type for each parameter, which is the only place where the type meets the traits.
/// So a wrong type is one error and not several.
pub struct Slot<P> {
    /// The need that it stands for.
    pub need: Need,
    /// Takes its value from the context.
    pub take: fn(&StartContext) -> P,
}

impl<P> Slot<P> {
    /// Resolves a parameter of a `start` or a worker.
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

    /// Resolves a parameter that is a trait object. rustc prints the line of the bound below with its errors: when no resource
    /// is bound as the trait, and when several are, where it can only say that it cannot infer `M`.
    #[must_use]
    pub const fn the_one_resource_bound_as_the_trait<M>() -> Self
    where
        P: Parameter<M>, // Exactly one resource must have `#[resource(as = dyn Trait)]`. If several have, take one by its own type.
    {
        Self::parameter::<M>()
    }

    /// Resolves a field of an app.
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

    /// Resolves a field that is a trait object, as
    /// [`the_one_resource_bound_as_the_trait`](Self::the_one_resource_bound_as_the_trait) does a parameter.
    #[must_use]
    pub const fn field_of_the_one_resource_bound_as_the_trait<M>() -> Self
    where
        P: Field<M>, // Exactly one resource must have `#[resource(as = dyn Trait)]`. If several have, take one by its own type.
    {
        Self::field::<M>()
    }
}

impl<T: ?Sized> Slot<Arc<T>> {
    /// Resolves a trait object in `after`, as
    /// [`the_one_resource_bound_as_the_trait`](Self::the_one_resource_bound_as_the_trait) does a parameter.
    #[must_use]
    pub const fn after_the_one_resource_bound_as_the_trait<M>() -> Need
    where
        T: Provided<M>, // Exactly one resource must have `#[resource(as = dyn Trait)]`. If several have, list one by its own type.
    {
        Need::after::<T, M>()
    }
}

impl<P> fmt::Debug for Slot<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.need).finish()
    }
}

/// A resolved parameter of `main` or of a test.
pub struct EntrySlot<P> {
    /// The record of the app, if the parameter is one.
    pub app: Option<AppRecord>,
    /// Takes its value from the context.
    pub take: fn(&StartContext) -> P,
}

impl<P> EntrySlot<P> {
    /// Resolves a parameter of `main` or of a test.
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
