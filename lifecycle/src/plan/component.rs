//! [`Component`]: a resource or worker of a plan, with its limits resolved.

use std::any::TypeId;
use std::sync::Arc;
use std::time::Duration;

use crate::api::background_policy::BackgroundPolicy;
use crate::api::hook::{Hook, Instance, StartContext};
use crate::api::record::{HookKind, ResourceTable};

/// The function of a worker.
pub(crate) type Run = Arc<dyn Fn(&mut StartContext) -> Hook<()> + Send + Sync>;

/// The index of a component in its plan.
pub(crate) type Id = usize;

pub(crate) struct Component {
    pub(crate) name: Arc<str>,
    pub(crate) order: Option<i32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) start_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) backoff: Duration,
    pub(crate) takes_shutdown: bool,
    pub(crate) takes_ready: bool,
    /// The instances that it receives, by the keys of their types.
    pub(crate) takes: Vec<(TypeId, Source)>,
    pub(crate) kind: Kind,
    /// To make its hooks runs no user code.
    pub(crate) is_expanded: bool,
}

pub(crate) enum Kind {
    Resource {
        table: ResourceTable,
        hooks: &'static [HookKind],
        /// Whether a failing `health` makes the app not ready.
        #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only probes ask"))]
        readiness: bool,
    },
    Worker {
        run: Run,
        policy: BackgroundPolicy,
    },
}

/// The origin of an instance that a component receives.
#[derive(Clone)]
pub(crate) enum Source {
    Provided(Instance),
    Component {
        id: Id,
        bind: Option<fn(&Instance) -> Instance>,
    },
}

impl Component {
    pub(crate) fn has(&self, hook: HookKind) -> bool {
        matches!(&self.kind, Kind::Resource { hooks, .. } if hooks.contains(&hook))
    }

    pub(crate) fn is_worker(&self) -> bool {
        matches!(self.kind, Kind::Worker { .. })
    }
}
