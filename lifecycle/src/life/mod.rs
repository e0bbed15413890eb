//! The life of an app: one driver that owns all state and reacts to one input at a time.
//!
//! | files | |
//! | --- | --- |
//! | `driver`, `dispatch` | the driver's struct and loop; which method reacts to which input or timer |
//! | `startup`, `running`, `restart`, `reload`, `teardown`, `stop`, `emergency_phase` | a phase each: methods of the driver |
//! | `state/` | what the driver owns, a file per group; knows nothing of the driver |
//! | `input`, `timers` | what the driver waits for |
//! | `call`, `span`, `hook_threads`, `body` | how user code is called, and reports back |
//! | `foreign_wakers` | wakes tasks whose wakers may be user code |
//! | `emergency/` | the hooks of last resort, which run without the driver |
//! | `outcome`, `track` | what is reported of a life |
//! | `restart_history`, `drain_sequence` | decisions: whether a worker runs again; which workers are asked to stop when |
//! | `instances`, `liveness` | the instances that are up; whether a runtime still runs its tasks |
//! | `simulation/` | tests: random lives under paused time, checked against invariants |

pub(crate) mod body;
pub(crate) mod call;
mod dispatch;
mod drain_sequence;
mod driver;
pub(crate) mod emergency;
mod emergency_phase;
pub(crate) mod foreign_wakers;
pub(crate) mod hook_error;
pub(crate) mod hook_threads;
pub(crate) mod input;
pub(crate) mod instances;
#[cfg(any(feature = "admin", all(feature = "systemd", target_os = "linux")))]
pub(crate) mod liveness;
pub(crate) mod outcome;
mod reload;
mod restart;
mod restart_history;
mod running;
#[cfg(test)]
mod simulation;
pub(crate) mod span;
mod startup;
mod state;
mod stop;
mod teardown;
mod timers;
pub(crate) mod track;

pub(crate) use self::body::BodyLink;
pub(crate) use self::driver::{Handles, Inside, Life, Wiring};
