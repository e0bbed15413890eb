//! [`Shutdown`]: the handle to the scope of a component or of the app.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::tasks::Tasks;
use crate::error::failure::Failure;
use crate::error::panic::caught;
use crate::error::{BoxError, Draining};
use crate::scope::admission::InFlight;
use crate::scope::reason::Reason;
use crate::scope::{AppRequest, Scope};

/// The handle to a scope: it reports when the scope is asked to stop, and asks the app to stop.
///
/// In a component's `start` or function it is the handle to that component's scope, in `main` and in tests to the app's. A
/// scope is asked to stop at its place in the shutdown: `main` and the workers when the drain begins (of workers with an
/// `order`, the highest first), a resource when everything that depends on it has ended. From then on
/// it has until [`remaining`](Shutdown::remaining) is zero; then its hooks and [`tasks`](Shutdown::tasks) are cancelled.
///
/// Cloning is cheap, and all clones refer to the same scope. Every future that a method returns is cancel safe unless its
/// documentation says otherwise.
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{Shutdown, background};
///
/// #[background]
/// async fn heartbeat(shutdown: Shutdown) {
///     while !shutdown.sleep(Duration::from_secs(10)).await.is_interrupted() {
///         // Send a heartbeat.
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Shutdown {
    pub(crate) scope: Arc<Scope>,
}

/// How a [`Shutdown::sleep`] or [`Shutdown::blocking_sleep`] ended.
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{Shutdown, Slept};
///
/// async fn pause(shutdown: &Shutdown) -> &'static str {
///     match shutdown.sleep(Duration::from_secs(1)).await {
///         Slept::Elapsed => "go on",
///         _ => "the app stops",
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slept {
    /// The whole time has passed.
    Elapsed,
    /// The scope was asked to stop before that.
    Interrupted,
}

impl Slept {
    /// Returns whether the scope was asked to stop before the time had passed.
    #[must_use]
    pub fn is_interrupted(self) -> bool {
        self == Self::Interrupted
    }
}

impl Shutdown {
    pub(crate) fn new(scope: Arc<Scope>) -> Self {
        Self { scope }
    }

    /// Waits until this scope is asked to stop; if it already has been, the future is ready at once.
    ///
    /// For the app's handle that is when the drain begins; for a resource, when everything that depends on it has ended.
    ///
    /// ```
    /// use lifecycle::{Shutdown, background};
    /// # async fn next() -> Option<u32> { None }
    ///
    /// #[background]
    /// async fn consume(shutdown: Shutdown) {
    ///     loop {
    ///         tokio::select! {
    ///             () = shutdown.requested() => break,
    ///             item = next() => drop(item),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if it is used in a `select!` and another branch completes first, a new call misses nothing.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + use<> {
        let scope = Arc::clone(&self.scope);
        async move { scope.stop_requested().await }
    }

    /// Returns whether this scope has been asked to stop.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.scope.is_stop_requested()
    }

    /// Returns why the app stops; `None` while it does not.
    ///
    /// The reason is set before any scope of the app is asked to stop because of it.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.scope.app.reason.get().cloned()
    }

    /// Returns the time until the work of this scope is aborted; `None` while it has not been asked to stop.
    ///
    /// It only grows by [`Shutdown::extend`], and shrinks at once when a second signal forces the shutdown.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.scope
            .abort_at()
            .map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Waits until this scope has been asked to stop and at most `margin` of its time remains.
    ///
    /// This is for work that should be finished if the time allows, and put away within the margin if it does not. Time that
    /// [`Shutdown::extend`] grants is taken into account.
    ///
    /// ```
    /// use std::time::Duration;
    /// use lifecycle::{Shutdown, background};
    ///
    /// # struct Job;
    /// # impl Job { async fn work(&mut self) {} async fn put_back(&self) {} }
    /// # async fn next_job() -> Job { Job }
    /// // All that the consumer of a queue needs.
    /// #[background(timeout = "10s")]
    /// async fn work_jobs(shutdown: Shutdown) {
    ///     // Once a stop is requested, it takes no further job. `next_job` must be cancel safe: a job that it took and did
    ///     // not return would be lost.
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
    /// Cancel safe: if it is used in a `select!` and another branch completes first, a new call misses nothing.
    pub fn deadline_within(&self, margin: Duration) -> impl Future<Output = ()> + Send + use<> {
        let scope = Arc::clone(&self.scope);
        async move { scope.deadline_within(margin).await }
    }

    /// Sleeps for the duration, but returns early when the scope is asked to stop.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, but a new call starts a new sleep.
    pub async fn sleep(&self, duration: Duration) -> Slept {
        match self.run(tokio::time::sleep(duration)).await {
            Some(()) => Slept::Elapsed,
            None => Slept::Interrupted,
        }
    }

    /// Blocks the thread until this scope is asked to stop: [`Shutdown::requested`] for a worker that is a plain `fn`.
    ///
    /// ```
    /// use lifecycle::{Shutdown, background};
    ///
    /// #[background]
    /// fn watch(shutdown: Shutdown) {
    ///     // Threads of its own do the work; this one waits for the end.
    ///     shutdown.blocking_requested();
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics in a task of a runtime, which it would block.
    #[track_caller]
    pub fn blocking_requested(&self) {
        self.block_on("blocking_requested", "requested()", self.requested());
    }

    /// Blocks the thread for the duration, or until this scope is asked to stop: [`Shutdown::sleep`] for a worker that is a
    /// plain `fn`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use lifecycle::{Shutdown, background};
    ///
    /// #[background]
    /// fn compact(shutdown: Shutdown) {
    ///     while !shutdown.blocking_sleep(Duration::from_secs(60)).is_interrupted() {
    ///         // Work that blocks.
    ///     }
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics in a task of a runtime, which it would block.
    #[track_caller]
    pub fn blocking_sleep(&self, duration: Duration) -> Slept {
        self.block_on("blocking_sleep", "sleep(..)", self.sleep(duration))
    }

    /// Blocks the thread, unless it runs tasks of a runtime: then it panics with the caller's line and the call to write
    /// instead. Only tokio knows, and its own panic says neither.
    #[track_caller]
    fn block_on<T>(&self, called: &str, instead: &str, future: impl Future<Output = T>) -> T {
        let mut polled = false;
        let waits = async {
            polled = true;
            future.await
        };
        match caught(|| self.scope.app.runtime.block_on(waits)) {
            Ok(output) => output,
            Err(message) if polled => panic!("{message}"),
            Err(_) => panic!(
                "`{called}` at {} blocks a thread that runs async tasks: write `shutdown.{instead}.await`",
                Location::caller(),
            ),
        }
    }

    /// Runs the future until it completes or the scope is asked to stop, whatever comes first.
    ///
    /// Returns the output of the future, or `None` if a stop was requested first: then the future is dropped. If a stop has
    /// already been requested, the future is not polled at all. The future must be cancel safe, or its loss acceptable.
    ///
    /// ```
    /// use lifecycle::Shutdown;
    /// use tokio::sync::mpsc;
    ///
    /// async fn consume(mut jobs: mpsc::Receiver<u64>, shutdown: Shutdown) {
    ///     // Ends when the channel is closed, and when a stop is requested.
    ///     while let Some(Some(job)) = shutdown.run(jobs.recv()).await {
    ///         println!("job {job}");
    ///     }
    /// }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future itself.
    pub async fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        let requested = self.scope.stop_requested();
        tokio::pin!(requested, future);
        std::future::poll_fn(|context| {
            if self.scope.is_stop_requested() {
                return std::task::Poll::Ready(None);
            }
            if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
                return std::task::Poll::Ready(Some(output));
            }
            // After the future, so that a future that is ready at once does not register a waiter: that takes the lock
            // that all waiters of the scope share.
            requested.as_mut().poll(context).map(|()| None)
        })
        .await
    }

    /// Asks the whole app to stop, with the reason [`Reason::Requested`].
    ///
    /// It returns at once. If the app already stops, the first cause remains the reason; asking again has no effect.
    pub fn request(&self) {
        (self.scope.app.ask)(AppRequest::Stop);
    }

    /// Asks the whole app to stop because of a failure, with the reason [`Reason::Failed`] and this scope's name.
    ///
    /// The exit code becomes 1, or 2 if the error is a [`ConfigError`](crate::ConfigError), and the error is part of the
    /// report.
    ///
    /// ```
    /// use lifecycle::Shutdown;
    ///
    /// fn check(free: u64, shutdown: &Shutdown) {
    ///     if free == 0 {
    ///         shutdown.fail("the disk is full");
    ///     }
    /// }
    /// ```
    pub fn fail(&self, error: impl Into<BoxError>) {
        let failure = Failure::from(error.into());
        (self.scope.app.ask)(AppRequest::Fail(Arc::clone(&self.scope.name), failure));
    }

    /// Requests more time for this scope, and returns how much of it was granted.
    ///
    /// Only time that is not reserved for others is granted: never past the deadline of the shutdown, and never the
    /// `timeout` of another component. The result is zero while the scope has not been asked to stop.
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
    ///     println!("the last upload has {more:?} more, {:?} in total", shutdown.remaining());
    ///     upload().await;
    /// }
    /// ```
    pub fn extend(&self, by: Duration) -> Duration {
        self.scope.extend(by)
    }

    /// Admits one unit of work in flight, which the drain waits for.
    ///
    /// Admission and the beginning of the drain are one atomic step: work that is admitted is awaited, later work is
    /// refused. The unit ends when the returned [`InFlight`] and all its clones are dropped.
    ///
    /// ```
    /// use lifecycle::{Draining, Shutdown};
    ///
    /// async fn handle(request: String, shutdown: &Shutdown) -> Result<String, Draining> {
    ///     let _in_flight = shutdown.admit()?;
    ///     // Nothing that this needs stops before it has returned, within the time of the drain.
    ///     Ok(request)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Draining`] once the drain has begun.
    pub fn admit(&self) -> Result<InFlight, Draining> {
        self.scope.admit()
    }

    /// Returns the handle by which tracked tasks of this scope are spawned.
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
