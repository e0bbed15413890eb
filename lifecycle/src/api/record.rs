//! The static record of a component: what its annotation says, readable by the compiler and by the runtime.
//!
//! Invariants:
//!
//! 1. A [`RecordRef`] is only ever made from a `&'static Record`, so reading through it is sound.
//! 2. It holds a raw pointer and not a reference on purpose: rustc looks through references when it validates a
//!    constant, so that two components that need each other would end in its own cycle error (E0391) instead of ours.
//! 3. Everything here is plain data without interior mutability, so that constant evaluation may read it.

use std::any::TypeId;
use std::fmt;
use std::time::Duration;

use crate::api::hook::{Hook, Instance, StartContext, Stopped, key};
use crate::api::worker::BackgroundPolicy;
use crate::sys::StaticRef;

/// What is statically known of a component. The attribute macros write one for each component; by hand it is built with
/// the `const` methods below.
#[derive(Clone, Copy)]
pub struct Record {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    /// Whether the user chose the name: chosen names must be unique, default ones are qualified when they collide.
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
}

/// Points to the static [`Record`] of a component.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecordRef(StaticRef<Record>);

impl RecordRef {
    /// The reference to a record. What it points to is not read here, so that records may refer to each other.
    #[must_use]
    pub const fn to(record: &'static Record) -> Self {
        Self(StaticRef::to(record))
    }

    /// The record.
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
    #[cfg_attr(not(feature = "admin"), expect(dead_code, reason = "only probes ask"))]
    pub(crate) health: fn(&Instance) -> Option<Hook<()>>,
    pub(crate) reload: fn(&Instance) -> Option<Hook<()>>,
    pub(crate) in_use: fn(&Instance) -> Option<usize>,
    /// Dropping the value runs user code, so it must not happen on a thread that others depend on.
    pub(crate) needs_drop: bool,
}

/// The optional hooks of a resource, as a record lists those that are present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookKind {
    /// `stop(&self)`
    Stop,
    /// `emergency(&self)`
    Emergency,
    /// `health(&self)`
    Health,
    /// `reload(&self)`
    Reload,
    /// `in_use(&self) -> usize`
    InUse,
}

/// One thing that a component's `start` or function takes, or comes after.
#[derive(Clone, Copy)]
pub struct Need {
    pub(crate) kind: NeedKind,
    /// The record of the resource, where the need is one.
    pub(crate) record: Option<RecordRef>,
    /// How the runtime finds the instance.
    pub(crate) key: fn() -> TypeId,
    pub(crate) type_name: fn() -> &'static str,
}

/// What a [`Need`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NeedKind {
    /// Handed over, started before, stopped after.
    Component,
    /// Started before, stopped after.
    After,
    Shutdown,
    Tasks,
    Ready,
}

/// By which other type (`dyn Trait`) a resource is found.
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
        }
        .with_id(fnv1a(FNV_OFFSET, name.as_bytes()))
    }

    /// A worker, run by `run`; `W` is a type of its own for each worker, by which it is known.
    #[must_use]
    pub const fn background<W: 'static>(
        name: &'static str,
        policy: BackgroundPolicy,
        run: fn(&mut StartContext) -> Hook<()>,
    ) -> Self {
        Self::new(name, key::<W>, Body::Worker { run, policy })
    }

    /// Marks the name as a default one and says where the component is written, so that equal names can be told apart.
    /// `tokens` is the annotated type or function as written.
    #[must_use]
    pub const fn located(
        mut self,
        module: &'static str,
        tokens: &'static str,
        file: &'static str,
        line: u32,
        column: u32,
    ) -> Self {
        self.module = module;
        let mut id = fnv1a(FNV_OFFSET, module.as_bytes());
        id = fnv1a(id, tokens.as_bytes());
        id = fnv1a(id, file.as_bytes());
        id = fnv1a(id, &line.to_le_bytes());
        id = fnv1a(id, &column.to_le_bytes());
        self.with_id(id)
    }

    /// Says that the name is the default one: it is qualified by its module where another component has the same.
    #[must_use]
    pub const fn default_name(mut self) -> Self {
        self.named = false;
        self
    }

    const fn with_id(mut self, id: u64) -> Self {
        self.id = id;
        self
    }

    /// The group in the start order; see [`resource`](macro@crate::resource).
    #[must_use]
    pub const fn order(mut self, order: i32) -> Self {
        self.order = Some(order);
        self
    }

    /// Time for `stop`, or for a worker to end once told to.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Time for one attempt of `start`.
    #[must_use]
    pub const fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = Some(timeout);
        self
    }

    /// How often a failed `start` is tried again, and the first delay before it.
    #[must_use]
    pub const fn retries(mut self, retries: u32, backoff: Duration) -> Self {
        self.retries = retries;
        self.backoff = backoff;
        self
    }

    /// A failing `health` makes the app not ready.
    #[must_use]
    pub const fn readiness(mut self) -> Self {
        self.readiness = true;
        self
    }

    /// What `start` takes, in order, and what the component comes after.
    #[must_use]
    pub const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    /// The traits by which the resource is found as well.
    #[must_use]
    pub const fn binds(mut self, binds: &'static [Binding]) -> Self {
        self.binds = binds;
        self
    }

    /// Which of the optional hooks there are. A hook that is not listed is not called.
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

    /// The handle of the component's own scope.
    pub const SHUTDOWN: Self = Self::handle(NeedKind::Shutdown);
    /// The tracked tasks of the component's own scope.
    pub const TASKS: Self = Self::handle(NeedKind::Tasks);
    /// By which a worker says that it is up.
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
    /// Found as `U` as well; `bind` makes the instance's handle into one of `U`, see [`Instance::bound`].
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

/// FNV-1a: there is no hasher in `std` that constant evaluation can run.
const fn fnv1a(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}
