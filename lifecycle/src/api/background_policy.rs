//! Background workers: something the app does until told to stop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::api::record::RecordRef;

/// A function annotated with [`#[background]`](macro@crate::worker), as a type: the macro declares an empty type of
/// the function's name beside it, so that `background = [serve]` and `.background_worker::<serve>()` can name it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a background worker",
    label = "not a background worker",
    note = "annotate the function with `#[background]`"
)]
pub trait BackgroundWorker: 'static {
    /// What is statically known of it.
    const RECORD: RecordRef;
}

/// What happens when a worker ends by itself, and how often it runs.
#[derive(Debug, Clone, Copy)]
pub struct BackgroundPolicy {
    pub(crate) every: Option<Every>,
    pub(crate) restart: RestartPolicy,
    pub(crate) max_restarts: u32,
    pub(crate) within: Duration,
    pub(crate) backoff: Duration,
    pub(crate) on_failure: EndAction,
    pub(crate) on_finish: EndAction,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Every {
    pub(crate) period: Duration,
    pub(crate) immediate: bool,
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) max_failures: Option<u32>,
}

/// When a worker that ended by itself is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Not at all.
    Never,
    /// After an error or a panic.
    OnFailure,
    /// However it ended.
    Always,
}

/// What the end of a worker means for the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndAction {
    /// It is reported.
    Ignore,
    /// The app stops.
    Shutdown,
}

impl BackgroundPolicy {
    /// What holds where an annotation says nothing.
    pub const DEFAULT: Self = Self {
        every: None,
        restart: RestartPolicy::Never,
        max_restarts: 5,
        within: Duration::from_secs(60),
        backoff: Duration::from_millis(500),
        on_failure: EndAction::Shutdown,
        on_finish: EndAction::Ignore,
    };

    /// Runs again `period` after a run ended; the first time after one period, or at once.
    #[must_use]
    pub const fn every(
        mut self,
        period: Duration,
        immediate: bool,
        run_timeout: Option<Duration>,
        max_failures: Option<u32>,
    ) -> Self {
        self.every = Some(Every {
            period,
            immediate,
            run_timeout,
            max_failures,
        });
        self
    }

    /// When it is started again after it ended by itself.
    #[must_use]
    pub const fn restart(mut self, restart: RestartPolicy) -> Self {
        self.restart = restart;
        self
    }

    /// The restart intensity: after more than `max` restarts within `within` it counts as failed.
    #[must_use]
    pub const fn intensity(mut self, max: u32, within: Duration) -> Self {
        self.max_restarts = max;
        self.within = within;
        self
    }

    /// The first delay before a restart, doubling with jitter, capped at 30 s.
    #[must_use]
    pub const fn backoff(mut self, first: Duration) -> Self {
        self.backoff = first;
        self
    }

    /// What it means that it failed for good.
    #[must_use]
    pub const fn on_failure(mut self, then: EndAction) -> Self {
        self.on_failure = then;
        self
    }

    /// What it means that it ended without an error before being told.
    #[must_use]
    pub const fn on_finish(mut self, then: EndAction) -> Self {
        self.on_finish = then;
        self
    }
}

/// By which a worker says that it is up: a parameter of a `#[background]` function.
///
/// ```
/// use lifecycle::{Ready, Shutdown, background};
///
/// #[background]
/// async fn listen(ready: Ready, shutdown: Shutdown) {
///     // bind, warm up, ..
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

    /// The worker is up: what comes after it may start. Calling it again does nothing.
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
