//! [`Shutdown`]: the handle of a scope.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::tasks::Tasks;
use crate::error::BoxError;
use crate::error::Draining;
use crate::error::failure::Failure;
use crate::scope::admission::InFlight;
use crate::scope::reason::Reason;
use crate::scope::{AppRequest, Scope};

/// The handle of a scope: of the component whose `start` or function took it, or of the app where `main` took it. Cheap
/// to clone.
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{Shutdown, background};
///
/// #[background]
/// async fn heartbeat(shutdown: Shutdown) {
///     while !shutdown.sleep(Duration::from_secs(10)).await.is_interrupted() {
///         // beat
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Shutdown {
    pub(crate) scope: Arc<Scope>,
}

/// How a [`Shutdown::sleep`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Slept {
    /// The whole time has passed.
    Elapsed,
    /// The scope was told to stop first.
    Interrupted,
}

impl Slept {
    /// Whether the scope was told to stop before the time had passed.
    #[must_use]
    pub fn is_interrupted(self) -> bool {
        self == Self::Interrupted
    }
}

impl Shutdown {
    pub(crate) fn new(scope: Arc<Scope>) -> Self {
        Self { scope }
    }

    /// Waits until this scope is told to stop. For the app's own handle that is when the drain begins; for a resource,
    /// when all that depend on it have ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping it and calling again loses nothing.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + use<> {
        let scope = Arc::clone(&self.scope);
        async move { scope.stop_requested().await }
    }

    /// Whether this scope has been told to stop.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.scope.is_stop_requested()
    }

    /// Why the app stops; `None` while it does not.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.scope.app.reason.get().cloned()
    }

    /// The time until this scope is cut off; `None` while it has not been told to stop.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.scope
            .abort_at()
            .map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Waits until this scope has been told to stop and no more than `margin` of its time is left, what [`Shutdown::extend`]
    /// grants included: for work that is to be finished if the time allows, and put away within the margin if not.
    ///
    /// ```
    /// use std::time::Duration;
    /// use lifecycle::{Shutdown, background};
    ///
    /// # struct Job;
    /// # impl Job { async fn work(&mut self) {} async fn put_back(&self) {} }
    /// # async fn next_job() -> Job { Job }
    /// // All that a consumer of a queue needs.
    /// #[background(timeout = "10s")]
    /// async fn work_jobs(shutdown: Shutdown) {
    ///     // Told to stop, it takes no further job. `next_job` must be cancel safe: one that it took and did not hand out
    ///     // would be lost.
    ///     while let Some(mut job) = shutdown.run(next_job()).await {
    ///         let finished = tokio::select! {
    ///             () = job.work() => true,
    ///             () = shutdown.deadline_within(Duration::from_secs(2)) => false,
    ///         };
    ///         if !finished {
    ///             job.put_back().await;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping it and calling again loses nothing.
    pub fn deadline_within(&self, margin: Duration) -> impl Future<Output = ()> + Send + use<> {
        let scope = Arc::clone(&self.scope);
        async move { scope.deadline_within(margin).await }
    }

    /// A sleep that ends early, instead of being cancelled, when the scope is told to stop.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe; a new call starts a new sleep.
    pub async fn sleep(&self, duration: Duration) -> Slept {
        match self.run(tokio::time::sleep(duration)).await {
            Some(()) => Slept::Elapsed,
            None => Slept::Interrupted,
        }
    }

    /// [`Shutdown::requested`] for a worker that is a plain `fn`: blocks its thread.
    ///
    /// # Panics
    ///
    /// In a task of the runtime, which it would block.
    pub fn blocking_requested(&self) {
        self.scope.app.runtime.block_on(self.requested());
    }

    /// [`Shutdown::sleep`] for a worker that is a plain `fn`: blocks its thread.
    ///
    /// ```
    /// use std::time::Duration;
    /// use lifecycle::{Shutdown, background};
    ///
    /// #[background]
    /// fn compact(shutdown: Shutdown) {
    ///     while !shutdown.blocking_sleep(Duration::from_secs(60)).is_interrupted() {
    ///         // work that blocks
    ///     }
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// In a task of the runtime, which it would block.
    pub fn blocking_sleep(&self, duration: Duration) -> Slept {
        self.scope.app.runtime.block_on(self.sleep(duration))
    }

    /// Runs the future until it ends, or until the scope is told to stop: then it is dropped and the answer is `None`.
    /// Told already, it does not poll the future at all.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future itself.
    pub async fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        let told = self.scope.stop_requested();
        tokio::pin!(told, future);
        std::future::poll_fn(|context| {
            if self.scope.is_stop_requested() {
                return std::task::Poll::Ready(None);
            }
            if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
                return std::task::Poll::Ready(Some(output));
            }
            // Last, and so not again when the future has ended: it takes the lock of all who wait.
            told.as_mut().poll(context).map(|()| None)
        })
        .await
    }

    /// Asks the whole app to stop. The first cause stays the reason; asking again does nothing.
    pub fn request(&self) {
        (self.scope.app.ask)(AppRequest::Stop);
    }

    /// Asks the whole app to stop because of a failure: the exit code becomes 1 and the report names this scope.
    ///
    /// ```
    /// use lifecycle::Shutdown;
    ///
    /// fn checked(free: u64, shutdown: &Shutdown) {
    ///     if free == 0 {
    ///         shutdown.fail("the disk is full");
    ///     }
    /// }
    /// ```
    pub fn fail(&self, error: impl Into<BoxError>) {
        let failure = Failure::from(error.into());
        (self.scope.app.ask)(AppRequest::Fail(Arc::clone(&self.scope.name), failure));
    }

    /// Asks for more time for this scope and returns how much was granted: out of slack only, never past the deadline
    /// and never out of what another component was promised. Zero while the scope has not been told to stop.
    ///
    /// ```
    /// use std::time::Duration;
    /// use lifecycle::{Shutdown, background};
    ///
    /// # async fn upload() {}
    /// #[background(timeout = "5s")]
    /// async fn back_up(shutdown: Shutdown) {
    ///     shutdown.requested().await;
    ///     let more = shutdown.extend(Duration::from_secs(10));
    ///     println!("the last upload has {more:?} more, {:?} in all", shutdown.remaining());
    ///     upload().await;
    /// }
    /// ```
    pub fn extend(&self, by: Duration) -> Duration {
        self.scope.extend(by)
    }

    /// Counts one unit of work in flight, which the drain awaits. Admission and the begin of the drain are one atomic
    /// step: what is admitted is awaited, what comes later is refused.
    ///
    /// ```
    /// use lifecycle::{Draining, Shutdown};
    ///
    /// async fn handle(request: String, shutdown: &Shutdown) -> Result<String, Draining> {
    ///     let _in_flight = shutdown.admit()?;
    ///     // Whatever this takes, nothing that it needs stops before, within the time of the drain.
    ///     Ok(request)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Draining`] once the drain has begun.
    pub fn admit(&self) -> Result<InFlight, Draining> {
        self.scope.admit()
    }

    /// The tracked tasks of this scope.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        Tasks::new(Arc::clone(&self.scope))
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown")
            .field("scope", &self.scope.name)
            .field("requested", &self.is_requested())
            .finish_non_exhaustive()
    }
}
