//! [`AppState`]: what all scopes of an app share.

use std::sync::OnceLock;
use std::task::Waker;

use tokio::runtime;

use crate::scope::admission::Admission;
use crate::scope::app_request::AppRequest;
use crate::scope::reason::Reason;
use crate::scope::waiters::Latch;

/// What all scopes of an app share.
pub(crate) struct AppState {
    pub(crate) runtime: runtime::Handle,
    /// Why the app stops: set once, by the first cause.
    pub(crate) reason: OnceLock<Reason>,
    pub(crate) admission: Admission,
    /// The app reports itself as not ready although it still serves for a while.
    pub(crate) lame_duck: Latch,
    /// Wakes tasks that are not ours, off the calling thread: their wakers may be user code.
    pub(crate) wake: Box<dyn Fn(Vec<Waker>) + Send + Sync>,
    /// Hands a request to the app's driver. It may be called from any thread and does not block.
    pub(crate) ask: Box<dyn Fn(AppRequest) + Send + Sync>,
}

impl AppState {
    /// Begins the lame duck.
    pub(crate) fn begin_lame_duck(&self) {
        (self.wake)(self.lame_duck.set());
    }
}
