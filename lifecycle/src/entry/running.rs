//! [`Running`]: an app that was started by hand.

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::api::hook::key;
use crate::api::shutdown::Shutdown;
use crate::entry::end_of_life::EndOfLife;
use crate::life::Handles;
use crate::life::input::Input;
use crate::plan::Plan;
use crate::report::Report;

/// A running app, from [`Builder::start`](crate::Builder::start).
///
/// Dropping it asks the app to stop and does not block; the app then stops in the background.
///
/// # Examples
///
/// ```
/// use lifecycle::{Lifecycle, resource};
///
/// struct Clock(u64);
///
/// #[resource]
/// impl Clock {
///     fn start() -> Self {
///         Self(42)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let running = Lifecycle::builder().resource::<Clock>().start().await?;
/// assert_eq!(running.get::<Clock>()?.0, 42);
/// assert!(running.stop().await.is_clean());
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it asks the app to stop"]
pub struct Running {
    pub(super) plan: Arc<Plan>,
    pub(super) handles: Handles,
    pub(super) shutdown: Shutdown,
    pub(super) end: Arc<EndOfLife>,
}

/// The app has no such resource, or that has been stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not up: it is no part of the app, or has been stopped")]
pub struct NotUp(&'static str);

impl Running {
    /// Returns the resource `T`, or the one that is bound as `T` if that is a `dyn Trait`.
    ///
    /// # Errors
    ///
    /// [`NotUp`] if it is no part of the app, or has been stopped.
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, NotUp> {
        self.plan
            .sources
            .get(&key::<T>())
            .and_then(|source| self.handles.inside.instances.get(source))
            .and_then(|instance| instance.downcast())
            .ok_or(NotUp(std::any::type_name::<T>()))
    }

    pub(crate) fn events(&self) -> mpsc::UnboundedSender<Input> {
        self.handles.events.clone()
    }

    /// Returns a handle of the app's own scope.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Asks the app to stop and waits until it has, within its `shutdown_timeout`.
    ///
    /// # Panics
    ///
    /// As [`Running::wait`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take the request back: the app stops in the background.
    ///
    /// # Examples
    ///
    /// ```
    /// use lifecycle::{Lifecycle, Reason};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), lifecycle::StartError> {
    /// let running = Lifecycle::builder().start().await?;
    /// let report = running.stop().await;
    /// assert_eq!(report.reason(), &Reason::Requested);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop(self) -> Report {
        let _ = self.handles.events.send(Input::Stop);
        self.wait().await
    }

    /// Waits until the app has stopped for a cause of its own. Called again, it returns the same report.
    ///
    /// # Panics
    ///
    /// Panics if there is no report, because the runtime that the app was started on was dropped while its clock was
    /// paused.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: dropping the future loses nothing, and it can be called again.
    pub async fn wait(&self) -> Report {
        let report = self.end.report().await;
        report.expect("the runtime that the app was started on has ended under it")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.handles.events.send(Input::Stop);
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("name", &self.plan.name)
            .finish_non_exhaustive()
    }
}
