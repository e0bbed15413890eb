//! [`Ready`]: by which a worker reports that it is up.

use std::fmt;
use std::sync::Arc;

/// Reports that a worker is up: a parameter of a `#[background]` function.
///
/// Workers of a higher order, and the body of `main`, start only after it is set; a worker that does not set it within
/// [`Settings::start_timeout`](crate::Settings::start_timeout) fails the startup. A worker that does not take `Ready` counts
/// as up once its first poll has returned. Cloning is cheap; all clones report the same worker.
///
/// ```
/// use lifecycle::{Ready, Shutdown, background};
///
/// #[background]
/// async fn listen(ready: Ready, shutdown: Shutdown) {
///     // Bind the socket, warm up the cache, ..
///     ready.set();
///     shutdown.requested().await;
/// }
/// ```
#[derive(Clone, Default)]
pub struct Ready(Option<Arc<dyn Fn() + Send + Sync>>);

impl Ready {
    pub(crate) fn new(set: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(set)))
    }

    /// Reports that the worker is up, so that the components after it can start.
    ///
    /// Further calls have no effect, nor does a call outside of a worker.
    pub fn set(&self) {
        if let Some(set) = &self.0 {
            set();
        }
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}
