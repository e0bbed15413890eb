//! What the driver of a life hears of, and the calls of user code that it hears from.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::hook_error::HookError;
use super::outcome::SoFar;
use crate::api::hook::{Instance, Stopped};
use crate::api::leases::Outstanding;
use crate::error::failure::Failure;
use crate::plan::component::Id;

/// Which call of a component's code an event or a timer belongs to: those of an earlier one are stale.
pub(crate) type Turn = u32;

pub(crate) enum Input {
    Started {
        id: Id,
        turn: Turn,
        result: Result<Instance, HookError>,
    },
    WorkerUp {
        id: Id,
        turn: Turn,
    },
    WorkerEnded {
        id: Id,
        turn: Turn,
        result: Result<(), HookError>,
    },
    StopEnded {
        id: Id,
        turn: Turn,
        result: Result<Ended, HookError>,
    },
    TasksEnded {
        id: Id,
        turn: Turn,
    },
    TasksGone,
    TaskPanicked {
        name: Arc<str>,
        task: String,
        error: String,
    },
    Dropped {
        id: Id,
        turn: Turn,
        leaked: (usize, Vec<Outstanding>),
        panic: Option<String>,
    },
    /// What a component that was left behind has lent out.
    Counted {
        id: Id,
        leaked: (usize, Vec<Outstanding>),
    },
    BodyEnded {
        result: Result<(), HookError>,
    },
    Idle,
    Stop,
    Fail {
        name: Arc<str>,
        failure: Failure,
    },
    Signal(i32),
    Forced(i32),
    Hangup,
    Reloaded {
        id: Id,
        turn: Turn,
        result: Result<(), HookError>,
    },
    /// Somebody wants to see how far the life has come. Nobody waits for whether the answer is taken.
    #[cfg_attr(
        not(feature = "admin"),
        allow(dead_code, reason = "only the live page looks")
    )]
    Look(oneshot::Sender<SoFar>),
}

/// How a `stop` ended that did not fail.
pub(crate) enum Ended {
    Clean,
    /// With an error that was expected.
    Expected(String),
}

impl From<Stopped> for Ended {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Clean => Self::Clean,
            Stopped::Expected(error) => Self::Expected(Failure::from(error).text),
        }
    }
}
