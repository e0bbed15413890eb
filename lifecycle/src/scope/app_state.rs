//! [`AppState`]: what all scopes of an app share.

use std::sync::OnceLock;

use tokio::runtime;
use tokio::sync::watch;

use crate::scope::admission::Admission;
use crate::scope::app_request::AppRequest;
use crate::scope::reason::Reason;

/// What all scopes of an app share.
pub(crate) struct AppState {
    pub(crate) runtime: runtime::Handle,
    /// Why the app stops: set once, by the first cause.
    pub(crate) reason: OnceLock<Reason>,
    pub(crate) admission: Admission,
    /// Whether the app reports itself as not ready although it still serves for a while.
    pub(crate) lame_duck: watch::Sender<bool>,
    /// Hands a request to the app's driver. It may be called from any thread and does not block.
    pub(crate) ask: Box<dyn Fn(AppRequest) + Send + Sync>,
}
