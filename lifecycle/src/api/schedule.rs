//! [`Schedule`]: when a periodic worker runs.

use std::time::Duration;

/// When a periodic worker runs, and how many of its runs may fail.
///
/// The period is the pause between the end of a run and the beginning of the next one, so that runs never overlap.
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{BackgroundPolicy, Schedule};
///
/// // What `#[background(every = "60s", immediate, run_timeout = "30s", max_failures = 3)]` stands for.
/// const POLICY: BackgroundPolicy = BackgroundPolicy::DEFAULT.schedule(
///     Schedule::every(Duration::from_secs(60))
///         .immediate()
///         .run_timeout(Duration::from_secs(30))
///         .max_failures(3),
/// );
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Schedule {
    pub(crate) period: Duration,
    pub(crate) immediate: bool,
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) max_failures: Option<u32>,
}

impl Schedule {
    /// Runs the worker again `period` after a run has ended.
    ///
    /// By default the first run begins one period after the worker's turn to start, runs are not limited in time, and any
    /// number of them may fail. The worker counts as up from its turn on.
    pub const fn every(period: Duration) -> Self {
        Self {
            period,
            immediate: false,
            run_timeout: None,
            max_failures: None,
        }
    }

    /// Begins the first run at once instead of after one period.
    pub const fn immediate(mut self) -> Self {
        self.immediate = true;
        self
    }

    /// Limits the time of one run. A run that takes longer is cancelled and counts as failed.
    pub const fn run_timeout(mut self, timeout: Duration) -> Self {
        self.run_timeout = Some(timeout);
        self
    }

    /// Sets how many failed runs in a row make the worker fail. A failed run before that is logged.
    pub const fn max_failures(mut self, failures: u32) -> Self {
        self.max_failures = Some(failures);
        self
    }
}
