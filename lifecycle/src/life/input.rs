//! [`Input`]: what the driver reacts to.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::hook_error::HookError;
use super::outcome::SoFar;
use crate::api::hook::{Instance, Stopped};
use crate::api::leases::Outstanding;
use crate::error::failure::Failure;
use crate::plan::component::Id;

/// Which phase of a component an input or a timer belongs to: those of an earlier one are stale.
pub(crate) type Turn = u32;

/// What calls of user code, tasks, handles, signals and viewers send to the driver.
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
    /// The tasks of the component's scope have ended.
    TasksEnded {
        id: Id,
        turn: Turn,
    },
    /// The tasks of some scope have ended that a loop of the driver waits for.
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
    /// The leases of an abandoned component.
    Counted {
        id: Id,
        leaked: (usize, Vec<Outstanding>),
    },
    BodyEnded {
        result: Result<(), HookError>,
    },
    /// No admitted work is in flight.
    Idle,
    Stop,
    Fail {
        name: Arc<str>,
        failure: Failure,
    },
    Signal(i32),
    /// A further signal: only the emergency layer remains.
    Forced(i32),
    /// User code has called `exit`, with this code where it is known: only the emergency layer remains.
    Exited(Option<i32>),
    Hangup,
    Reloaded {
        id: Id,
        turn: Turn,
        result: Result<(), HookError>,
    },
    /// A viewer asks how far the life has come. It may have gone before it gets the answer.
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
