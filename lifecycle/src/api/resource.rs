//! [`Resource`]: something the app has, started once and stopped once.

use std::sync::Arc;

use crate::api::hook::{Hook, Instance, StartContext, Stopped, key};
use crate::api::record::{Body, Need, NeedKind, Record, RecordRef, ResourceTable};

/// Something the app has: a pool, a client, a listener, a model, a configuration.
///
/// [`#[resource]`](macro@crate::resource) writes this `impl` from a plain `impl` block; by hand it looks like this:
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
pub trait Resource: Sized + Send + Sync + 'static {
    /// What is statically known of it.
    const RECORD: RecordRef;

    /// Makes it, from what its record lists as needs.
    fn start(context: &mut StartContext) -> Hook<Self>;

    /// Cleans up after it: called once, after everything that depends on it has ended.
    fn stop(self: Arc<Self>) -> Option<Hook<Stopped>> {
        None
    }

    /// The last resort: synchronous, minimal, on a thread outside the runtime.
    fn emergency(&self) {}

    /// Whether it works, for probes.
    fn health(self: Arc<Self>) -> Option<Hook<()>> {
        None
    }

    /// Takes in a changed configuration.
    fn reload(self: Arc<Self>) -> Option<Hook<()>> {
        None
    }

    /// How many leases are out. Where it asks [`Leases::count`](crate::Leases::count), the report names their places, too.
    fn in_use(&self) -> Option<usize> {
        None
    }
}

/// What can be depended on: every [`Resource`] as itself (`M` is `Own`), and every `dyn Trait` that one is bound `as`
/// (`M` is that resource, so that the trait may be of another crate). `M` is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a resource",
    label = "not a resource",
    note = "annotate its `impl` block with `#[resource]`; for a `dyn Trait`, the one of the resource behind it with `#[resource(as = dyn Trait)]`"
)]
pub trait Provided<M>: Send + Sync + 'static {
    /// The record of the resource behind it.
    const RECORD: RecordRef;
}

/// [`Provided`] as itself.
#[derive(Debug)]
pub struct Own;

impl<T: Resource> Provided<Own> for T {
    const RECORD: RecordRef = <T as Resource>::RECORD;
}

impl Record {
    /// A resource of type `T`.
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
                .expect("an instance is handed to the hooks of its own type")
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
    /// The resource `T`, or whatever is bound as `T` where that is a `dyn Trait`.
    #[must_use]
    pub const fn on<T: ?Sized + Provided<M>, M>() -> Self {
        Self {
            kind: NeedKind::Component,
            record: Some(T::RECORD),
            key: key::<T>,
            type_name: std::any::type_name::<T>,
        }
    }

    /// Comes after `T` without being handed it.
    #[must_use]
    pub const fn after<T: ?Sized + Provided<M>, M>() -> Self {
        let mut need = Self::on::<T, M>();
        need.kind = NeedKind::After;
        need
    }
}

impl Instance {
    /// The instance of `from` as one that is found by `U`. Meant for [`Binding::to`](crate::__private::Binding::to).
    ///
    /// # Panics
    ///
    /// When `from` holds no `T`.
    #[must_use]
    pub fn bound<T, U>(from: &Self, cast: fn(Arc<T>) -> Arc<U>) -> Self
    where
        T: Send + Sync + 'static,
        // Which is `Send` and `Sync`: where it is not, that is said once, at the trait.
        U: ?Sized + Provided<T>,
    {
        let value = from
            .downcast::<T>()
            .expect("a binding is called with an instance of its own type");
        Self::new(cast(value))
    }
}
