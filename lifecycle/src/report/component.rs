//! [`ComponentReport`]: the outcome of one component.

use std::time::Duration;

use crate::api::cleanup_layer::CleanupLayer;
use crate::api::leases::Outstanding;
use crate::life::outcome::{ComponentOutcome, describe};

/// The outcome of one component: how long it took, how far its cleanup had to go, and what went wrong.
///
/// [`Report::component`](crate::Report::component) finds one by its name, and
/// [`Report::components`](crate::Report::components) lists all of them.
///
/// ```
/// use lifecycle::{CleanupLayer, Lifecycle, Shutdown};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lifecycle::StartError> {
/// let running = Lifecycle::builder()
///     .background("flush", |shutdown: Shutdown| async move {
///         shutdown.requested().await;
///         Err::<(), _>("the disk is full")
///     })
///     .start()
///     .await?;
/// let report = running.stop().await;
/// let flush = report.component("flush").expect("it ran");
/// assert!(flush.is_worker() && flush.started().is_some());
/// assert_eq!(flush.layer(), CleanupLayer::Safe);
/// assert!(flush.errors()[0].contains("the disk is full"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ComponentReport(ComponentOutcome);

impl ComponentReport {
    pub(super) fn new(outcome: ComponentOutcome) -> Self {
        Self(outcome)
    }

    /// Returns the name of the component, as logs and plans show it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether the component is a background worker or the body of `main`, and not a resource.
    #[must_use]
    pub fn is_worker(&self) -> bool {
        self.0.worker
    }

    /// Returns how long the start took, including retries; `None` if the component did not come up.
    #[must_use]
    pub fn started(&self) -> Option<Duration> {
        self.0.started
    }

    /// Returns how long the stop took, including the emergency hook and the destructor; `None` if there was nothing to
    /// stop.
    #[must_use]
    pub fn stopped(&self) -> Option<Duration> {
        self.0.stopped
    }

    /// Returns the layer of cleanup that the component needed; [`CleanupLayer::Safe`] if there was nothing to stop.
    #[must_use]
    pub fn layer(&self) -> CleanupLayer {
        self.0.layer
    }

    /// Returns the errors in the order in which they occurred, each with its sources on one line.
    #[must_use]
    pub fn errors(&self) -> &[String] {
        &self.0.errors
    }

    /// Returns how often a worker ended and was run again; 0 for a resource.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.0.restarts
    }

    /// Returns how many leases were still outstanding after the stop of the resource.
    ///
    /// It counts what the `in_use` hook of the resource counts, and is 0 for a resource without that hook.
    #[must_use]
    pub fn leaked(&self) -> usize {
        self.0.leaked.after_stop
    }

    /// Returns the oldest leaked leases, at most 16, the oldest first.
    ///
    /// The list is empty unless the `in_use` hook of the resource calls [`Leases::count`](crate::Leases::count).
    #[must_use]
    pub fn leases(&self) -> &[Outstanding] {
        &self.0.leaked.oldest
    }

    /// Returns the names of the component's tasks that did not end even when they were cancelled.
    #[must_use]
    pub fn unfinished_tasks(&self) -> &[String] {
        &self.0.unfinished_tasks
    }

    /// Whether the component neither started nor failed to start: the startup ended before its turn.
    pub(super) fn is_untouched(&self) -> bool {
        self.0.started.is_none() && self.0.errors.is_empty()
    }

    /// Everything that went wrong, on one line.
    pub(super) fn note(&self) -> String {
        describe(&self.0.errors, &self.0.unfinished_tasks, &self.0.leaked)
    }
}
