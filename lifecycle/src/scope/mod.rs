//! The scope of a component or of the whole app: whether it has been asked to stop, how long it may still run, and the
//! tasks and the work in flight that belong to it.
//!
//! Handles such as [`Shutdown`](crate::Shutdown) and [`Tasks`](crate::Tasks) are views of a [`Scope`]; all scopes of an
//! app share one [`AppState`].

pub(crate) mod admission;
mod app_request;
mod app_state;
pub(crate) mod own_task;
pub(crate) mod reason;
#[expect(
    clippy::module_inception,
    reason = "the folder is named after its main type"
)]
mod scope;
pub(crate) mod stop_signal;
pub(crate) mod task_set;
pub(crate) mod waiters;

pub(crate) use app_request::AppRequest;
pub(crate) use app_state::AppState;
pub(crate) use scope::Scope;
