//! [`Record`]: what is statically known of a component, readable by the compiler and by the runtime.
//!
//! Invariants:
//!
//! 1. A [`RecordRef`] is created from a `&'static Record` only, so that reading through it is sound.
//! 2. It holds a raw pointer and not a reference on purpose: rustc follows references when it validates a constant, so that
//!    two components that need each other would end in rustc's own cycle error (E0391) instead of ours.
//! 3. Everything here is plain data without interior mutability, so that constant evaluation may read it.

use std::any::TypeId;
use std::fmt;
use std::time::Duration;

use crate::api::background_policy::BackgroundPolicy;
use crate::api::hook::{Hook, Instance, StartContext, Stopped, key};
use crate::api::source_location::SourceLocation;
use crate::sys::StaticRef;

/// The static record of a component: its name, its limits, what it needs, and which hooks it has.
///
/// The attribute macros write one for each component. By hand it is built with the `const` methods below, in the constant
/// that [`Resource::RECORD`](crate::Resource::RECORD) points to; the example at [`Resource`](crate::Resource) shows it.
///
/// Durations above 365 days count as 365 days.
#[derive(Clone, Copy)]
pub struct Record {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    /// Whether the user chose the name. Chosen names must be unique; default ones are qualified when they collide.
    pub(crate) named: bool,
    pub(crate) module: &'static str,
    pub(crate) order: Option<i32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) retries: u32,
    pub(crate) backoff: Duration,
    pub(crate) readiness: bool,
    pub(crate) needs: &'static [Need],
    pub(crate) binds: &'static [Binding],
    pub(crate) hooks: &'static [HookKind],
    pub(crate) key: fn() -> TypeId,
    pub(crate) body: Body,
    /// To make a hook runs no user code, as an expansion of the macros knows of itself. A hook that is written by hand is
    /// made where it can block or panic.
    pub(crate) is_expanded: bool,
}

/// A pointer to the static [`Record`] of a component, which constants can contain even where components need each other.
///
/// Two are equal if they point to the same record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecordRef(StaticRef<Record>);

impl RecordRef {
    /// Creates the pointer to a record. It does not read the record, so that records may refer to each other.
    #[must_use]
    pub const fn to(record: &'static Record) -> Self {
        Self(StaticRef::to(record))
    }

    /// Returns the record.
    #[must_use]
    pub const fn get(self) -> &'static Record {
        self.0.get()
    }
}

impl fmt::Debug for RecordRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// The part of a record that differs between a resource and a worker.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    Resource(ResourceTable),
    Worker {
        run: fn(&mut StartContext) -> Hook<()>,
        policy: BackgroundPolicy,
    },
}

/// The hooks of a resource with its type erased.
#[derive(Clone, Copy)]
pub(crate) struct ResourceTable {
    pub(crate) start: fn(&mut StartContext) -> Hook<Instance>,
    pub(crate) stop: fn(&Instance) -> Option<Hook<Stopped>>,
    pub(crate) emergency: fn(&Instance),
    #[cfg_attr(
        not(feature = "admin"),
        expect(dead_code, reason = "only probes call it")
    )]
    pub(crate) health: fn(&Instance) -> Option<Hook<()>>,
    pub(crate) reload: fn(&Instance) -> Option<Hook<()>>,
    pub(crate) in_use: fn(&Instance) -> Option<usize>,
    /// Whether dropping the value may run user code, which must not happen on a thread that other components depend on.
    pub(crate) needs_drop: bool,
}

/// An optional hook of a resource. [`Record::hooks`] lists the present ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookKind {
    /// [`Resource::stop`](crate::Resource::stop)
    Stop,
    /// [`Resource::emergency`](crate::Resource::emergency)
    Emergency,
    /// [`Resource::health`](crate::Resource::health)
    Health,
    /// [`Resource::reload`](crate::Resource::reload)
    Reload,
    /// [`Resource::in_use`](crate::Resource::in_use)
    InUse,
}

/// One thing that a component needs: a parameter of its `start` or function, or a component that it comes after.
///
/// A component starts after the components it needs and stops before them.
#[derive(Clone, Copy)]
pub struct Need {
    pub(crate) kind: NeedKind,
    /// The record of the resource; `None` for a handle.
    pub(crate) record: Option<RecordRef>,
    /// How the runtime finds the instance.
    pub(crate) key: fn() -> TypeId,
    pub(crate) type_name: fn() -> &'static str,
}

/// The kind of a [`Need`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NeedKind {
    /// Passed to the component, started before it, stopped after it.
    Component,
    /// Started before the component, stopped after it.
    After,
    Shutdown,
    Tasks,
    Ready,
}

/// A further type, a `dyn Trait`, under which a resource can be needed.
#[derive(Clone, Copy)]
pub struct Binding {
    pub(crate) key: fn() -> TypeId,
    pub(crate) type_name: fn() -> &'static str,
    pub(crate) bind: fn(&Instance) -> Instance,
}

impl Record {
    pub(super) const fn new(name: &'static str, key: fn() -> TypeId, body: Body) -> Self {
        Self {
            id: 0,
            name,
            named: true,
            module: "",
            order: None,
            timeout: None,
            start_timeout: None,
            retries: 0,
            backoff: Duration::from_millis(200),
            readiness: false,
            needs: &[],
            binds: &[],
            hooks: &[],
            key,
            body,
            is_expanded: false,
        }
        .with_id(fnv1a(FNV_OFFSET, name.as_bytes()))
    }

    /// Creates the record of a worker that `run` calls once for each run. `W` identifies the worker, so that it must be a
    /// type of its own for each worker.
    #[must_use]
    pub const fn background<W: 'static>(
        name: &'static str,
        policy: BackgroundPolicy,
        run: fn(&mut StartContext) -> Hook<()>,
    ) -> Self {
        Self::new(name, key::<W>, Body::Worker { run, policy })
    }

    /// Sets where the component is written, which identifies it among components of the same name.
    #[must_use]
    pub const fn located(mut self, location: SourceLocation) -> Self {
        self.module = location.module;
        let mut id = fnv1a(FNV_OFFSET, location.module.as_bytes());
        id = fnv1a(id, location.item.as_bytes());
        id = fnv1a(id, location.file.as_bytes());
        id = fnv1a(id, &location.line.to_le_bytes());
        id = fnv1a(id, &location.column.to_le_bytes());
        self.with_id(id)
    }

    /// Marks the name as a default one: it is qualified by the module if another component has the same name.
    ///
    /// Without this the name is one that was chosen, and must be unique in the app.
    #[must_use]
    pub const fn default_name(mut self) -> Self {
        self.named = false;
        self
    }

    pub(crate) const fn expanded(mut self) -> Self {
        self.is_expanded = true;
        self
    }

    const fn with_id(mut self, id: u64) -> Self {
        self.id = id;
        self
    }

    /// Sets the place in the start order: lower orders start first and stop last. Resources and workers have a scale each.
    ///
    /// By default only needs order a component. See [`resource`](macro@crate::resource).
    #[must_use]
    pub const fn order(mut self, order: i32) -> Self {
        self.order = Some(order);
        self
    }

    /// Sets the time for `stop`, or for a worker to end once it has been asked to stop.
    ///
    /// By default a resource gets a share of the remaining time, and a worker
    /// [`Settings::drain_timeout`](crate::Settings::drain_timeout).
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the time for one attempt of `start`. Default: [`Settings::start_timeout`](crate::Settings::start_timeout).
    #[must_use]
    pub const fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = Some(timeout);
        self
    }

    /// Sets how often a failed `start` is retried, and the delay before the first retry. Default: 0 times.
    ///
    /// The delay doubles with each retry, with jitter, up to 30 s.
    #[must_use]
    pub const fn retries(mut self, retries: u32, backoff: Duration) -> Self {
        self.retries = retries;
        self.backoff = backoff;
        self
    }

    /// Makes the app not ready while `health` fails. By default a failing `health` is only shown.
    #[must_use]
    pub const fn readiness(mut self) -> Self {
        self.readiness = true;
        self
    }

    /// Sets what the component needs: what its `start` or function takes, and what it comes after. Default: nothing.
    #[must_use]
    pub const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    /// Sets the further types under which the resource can be needed. Default: none.
    #[must_use]
    pub const fn binds(mut self, binds: &'static [Binding]) -> Self {
        self.binds = binds;
        self
    }

    /// Sets which of the optional hooks are present. A hook that is not listed is never called. Default: none.
    #[must_use]
    pub const fn hooks(mut self, hooks: &'static [HookKind]) -> Self {
        self.hooks = hooks;
        self
    }

    pub(crate) const fn is_worker(&self) -> bool {
        matches!(self.body, Body::Worker { .. })
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("name", &self.name)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

impl Need {
    pub(crate) fn is_component(&self) -> bool {
        matches!(self.kind, NeedKind::Component | NeedKind::After)
    }

    const fn handle(kind: NeedKind) -> Self {
        Self {
            kind,
            record: None,
            key: key::<()>,
            type_name: std::any::type_name::<()>,
        }
    }

    /// The need for a [`Shutdown`](crate::Shutdown) handle, that of the component's own scope.
    pub const SHUTDOWN: Self = Self::handle(NeedKind::Shutdown);
    /// The need for a [`Tasks`](crate::Tasks) handle, that of the component's own scope.
    pub const TASKS: Self = Self::handle(NeedKind::Tasks);
    /// The need for a [`Ready`](crate::Ready) handle. The worker is up once it sets it.
    pub const READY: Self = Self::handle(NeedKind::Ready);
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Need")
            .field(&self.kind)
            .field(&(self.type_name)())
            .finish()
    }
}

impl Binding {
    /// Creates the binding to `U`. `bind` converts the instance's handle into one of `U`; see [`Instance::bound`].
    #[must_use]
    pub const fn to<U: ?Sized + 'static>(bind: fn(&Instance) -> Instance) -> Self {
        Self {
            key: key::<U>,
            type_name: std::any::type_name::<U>,
            bind,
        }
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Binding").field(&(self.type_name)()).finish()
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, since `std` has no hasher that constant evaluation can run.
const fn fnv1a(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}
