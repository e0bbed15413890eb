//! [`Resource`]: something that the app has, started once and stopped once.

use std::sync::Arc;

use crate::api::hook::{Hook, Instance, StartContext, Stopped, key};
use crate::api::record::{Body, Need, NeedKind, Record, RecordRef, ResourceTable};
use crate::api::sealed::Sealed;

// rustc prints the lines of bounds and functions with its errors: a comment on such a line is part of the message.

/// Something that the app has, started once and stopped once: a pool, a client, a listener, a model, a configuration.
///
/// [`#[resource]`](macro@crate::resource) writes the implementation from a plain `impl` block. Written by hand it looks like
/// this:
///
/// ```
/// use std::sync::Arc;
/// use lifecycle::{Hook, HookKind, Need, Record, RecordRef, Resource, StartContext, Stopped};
///
/// struct Config { url: String }
///
/// impl Resource for Config {
///     const RECORD: RecordRef = RecordRef::to(const { &Record::resource::<Self>("config") });
///     fn start(_: &mut StartContext) -> Hook<Self> {
///         Hook::future(async { Ok(Config { url: "sqlite::memory:".into() }) })
///     }
/// }
///
/// struct Database { config: Arc<Config> }
///
/// impl Resource for Database {
///     const RECORD: RecordRef = RecordRef::to(const {
///         &Record::resource::<Self>("database")
///             .order(1)
///             .needs(const { &[Need::on::<Config, _>()] })
///             .hooks(&[HookKind::Stop])
///     });
///     fn start(context: &mut StartContext) -> Hook<Self> {
///         let config = context.get::<Config>();
///         Hook::future(async move { Ok(Database { config }) })
///     }
///     fn stop(self: Arc<Self>) -> Option<Hook<Stopped>> {
///         Some(Hook::future(async move {
///             println!("closing {}", self.config.url);
///             Ok(Stopped::Clean)
///         }))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a resource",
    label = "not a resource",
    note = "annotate its `impl` block with `#[resource]`; for a `dyn Trait`, the one of the resource behind it with `#[resource(as = dyn Trait)]`"
)]
pub trait Resource
where
    Self: Send + Sync, // Threads share a resource: keep what changes in a `Mutex`, and what is shared in an `Arc`.
    Self: Sized + 'static,
{
    /// The static record of the resource.
    const RECORD: RecordRef;

    /// Creates the resource from what its record lists as needs.
    ///
    /// It is called once all of these are up, and once more for each retry. An error, a panic, or an attempt that takes
    /// longer than its `start_timeout` is retried as [`Record::retries`] says, and then stops the app. A cancelled attempt
    /// produces no instance, so that none of the other hooks run; its future is dropped.
    fn start(context: &mut StartContext) -> Hook<Self>; // Not yours: a type of another crate needs a wrapper, `struct Mine(Theirs);`.

    /// Cleans up: closes connections, flushes buffers, removes files.
    ///
    /// It is called at most once, after everything that depends on the resource has ended. `None` is the same as a stop that
    /// returns at once. A stop that fails, panics, or takes longer than its timeout is followed by
    /// [`emergency`](Resource::emergency).
    fn stop(self: Arc<Self>) -> Option<Hook<Stopped>> {
        None
    }

    /// Does the bare minimum of cleanup, synchronously, on a thread outside the runtime.
    ///
    /// It is called at most once, when `stop` did not end as it should or the time is over. The runtime may be blocked by
    /// then: it must not wait for a task, and should take no lock that `stop` may hold.
    fn emergency(&self) {}

    /// Checks whether the resource works, for probes; an error says that it does not.
    fn health(self: Arc<Self>) -> Option<Hook<()>> {
        None
    }

    /// Applies a changed configuration, on SIGHUP. An error is logged, and the app goes on.
    fn reload(self: Arc<Self>) -> Option<Hook<()>> {
        None
    }

    /// Returns how many leases are outstanding, for the report; `None` if the resource does not count them.
    ///
    /// If it calls [`Leases::count`](crate::Leases::count), the report also lists where the leases were acquired. It is called
    /// before and after `stop`, and must not block.
    fn in_use(&self) -> Option<usize> {
        None
    }
}

/// What a component can depend on: a [`Resource`], or a `dyn Trait` that a resource is bound `as`.
///
/// `M` is the resource behind a `dyn Trait`, so that the trait may be of another crate, and a marker type otherwise. It is
/// always inferred. The trait is sealed: only [`#[resource(as = dyn Trait)]`](macro@crate::resource) implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a resource",
    label = "not a resource",
    note = "annotate its `impl` block with `#[resource]`; for a `dyn Trait`, the one of the resource behind it with `#[resource(as = dyn Trait)]`"
)]
pub trait Provided<M>
where
    Self: Send + Sync, // Threads share a resource: write `trait Clock: Send + Sync`, or `as = dyn Clock + Send + Sync`.
    Self: 'static,
{
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The static record of the resource.
    const RECORD: RecordRef;
}

/// Marks the implementation of [`Provided`] for resources.
#[derive(Debug)]
pub struct Own;

impl<T: Resource> Provided<Own> for T {
    const SEALED: Sealed = Sealed::SEAL;

    const RECORD: RecordRef = <T as Resource>::RECORD;
}

impl Record {
    /// Creates the record of the resource `T` under this name, without an order, needs or optional hooks.
    #[must_use]
    pub const fn resource<T: Resource>(name: &'static str) -> Self {
        Self::new(name, key::<T>, Body::Resource(ResourceTable::of::<T>()))
    }
}

impl ResourceTable {
    const fn of<T: Resource>() -> Self {
        fn of<T: Resource>(instance: &Instance) -> Arc<T> {
            instance
                .downcast()
                .expect("an instance is passed to the hooks of its own type")
        }
        Self {
            start: |context| T::start(context).map(|value| Instance::new(Arc::new(value))),
            stop: |instance| T::stop(of::<T>(instance)),
            emergency: |instance| T::emergency(&of::<T>(instance)),
            health: |instance| T::health(of::<T>(instance)),
            reload: |instance| T::reload(of::<T>(instance)),
            in_use: |instance| T::in_use(&of::<T>(instance)),
            needs_drop: std::mem::needs_drop::<T>(),
        }
    }
}

impl Need {
    /// Creates the need for the resource `T`, or for the resource that is bound as `T` if that is a `dyn Trait`.
    #[must_use]
    pub const fn on<T: ?Sized + Provided<M>, M>() -> Self {
        Self {
            kind: NeedKind::Component,
            record: Some(T::RECORD),
            key: key::<T>,
            type_name: std::any::type_name::<T>,
        }
    }

    /// Creates the need to start after `T` and to stop before it, without receiving it.
    #[must_use]
    pub const fn after<T: ?Sized + Provided<M>, M>() -> Self {
        let mut need = Self::on::<T, M>();
        need.kind = NeedKind::After;
        need
    }
}

impl Instance {
    /// Converts the handle to a `T` into one to the `U` that it is bound as, for [`Binding::to`](crate::Binding::to).
    ///
    /// # Panics
    ///
    /// Panics if `from` is not a handle to a `T`.
    #[must_use]
    pub fn bound<T, U>(from: &Self, cast: fn(Arc<T>) -> Arc<U>) -> Self
    where
        T: Send + Sync + 'static,
        // `Provided` implies `Send` and `Sync`: a trait without them is one error, at the trait, and not several.
        U: ?Sized + Provided<T>,
    {
        let value = from
            .downcast::<T>()
            .expect("a binding is called with an instance of its own type");
        Self::new(cast(value))
    }
}
