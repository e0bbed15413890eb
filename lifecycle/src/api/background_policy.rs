//! [`BackgroundPolicy`]: what happens when a worker ends by itself.

use std::time::Duration;

use crate::api::schedule::Schedule;

/// What happens when a background worker ends before a stop was requested, and whether it runs periodically.
///
/// [`#[background]`](macro@crate::background) builds one from its arguments; a record by hand passes it to
/// [`Record::background`](crate::Record::background). What it does not set is as in [`BackgroundPolicy::DEFAULT`].
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{BackgroundPolicy, EndAction, RestartPolicy};
///
/// // Restarted after an error, at most 10 times a minute; then it is reported, and the app goes on without it.
/// const POLICY: BackgroundPolicy = BackgroundPolicy::DEFAULT
///     .restart(RestartPolicy::OnFailure)
///     .intensity(10, Duration::from_secs(60))
///     .on_failure(EndAction::Ignore);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BackgroundPolicy {
    pub(crate) schedule: Option<Schedule>,
    pub(crate) restart: RestartPolicy,
    pub(crate) max_restarts: u32,
    pub(crate) within: Duration,
    pub(crate) backoff: Duration,
    pub(crate) on_failure: EndAction,
    pub(crate) on_finish: EndAction,
}

/// When a worker that ended by itself is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestartPolicy {
    /// The worker is never started again.
    Never,
    /// The worker is started again after an error or a panic.
    OnFailure,
    /// The worker is started again however it ended.
    Always,
}

/// What the app does when a worker has ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndAction {
    /// The app goes on; the end of the worker is reported.
    Ignore,
    /// The app stops.
    Shutdown,
}

impl BackgroundPolicy {
    /// The policy of a worker whose annotation sets nothing.
    ///
    /// The worker runs once. A failure stops the app; an end without an error does not. If it is to be restarted, more
    /// than 5 restarts within 60 s are a failure, and the first delay is 500 ms.
    pub const DEFAULT: Self = Self {
        schedule: None,
        restart: RestartPolicy::Never,
        max_restarts: 5,
        within: Duration::from_secs(60),
        backoff: Duration::from_millis(500),
        on_failure: EndAction::Shutdown,
        on_finish: EndAction::Ignore,
    };

    /// Runs the worker periodically. The restart policy then has no effect.
    #[must_use]
    pub const fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(schedule);
        self
    }

    /// Sets when the worker is started again after it ended by itself. Default: [`RestartPolicy::Never`].
    #[must_use]
    pub const fn restart(mut self, restart: RestartPolicy) -> Self {
        self.restart = restart;
        self
    }

    /// Limits the restarts: when one more than `max` would be due within the time `within`, the worker has failed.
    /// Default: 5 within 60 s.
    #[must_use]
    pub const fn intensity(mut self, max: u32, within: Duration) -> Self {
        self.max_restarts = max;
        self.within = within;
        self
    }

    /// Sets the delay before the first restart. It doubles with each restart, with jitter, up to 30 s. Default: 500 ms.
    #[must_use]
    pub const fn backoff(mut self, first: Duration) -> Self {
        self.backoff = first;
        self
    }

    /// Sets what to do when the worker has failed and is not restarted any more. Default: [`EndAction::Shutdown`].
    #[must_use]
    pub const fn on_failure(mut self, then: EndAction) -> Self {
        self.on_failure = then;
        self
    }

    /// Sets what to do when the worker returns `Ok` before a stop was requested. Default: [`EndAction::Ignore`].
    #[must_use]
    pub const fn on_finish(mut self, then: EndAction) -> Self {
        self.on_finish = then;
        self
    }
}
