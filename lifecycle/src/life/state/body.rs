//! [`BodyState`]: main's body, as the driver sees it.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::api::cleanup_layer::CleanupLayer;
use crate::api::hook::StartContext;
use crate::base::duration::show;
use crate::life::body::BodyLink;
use crate::life::outcome::ComponentOutcome;
use crate::life::track::{Activity, Track};
use crate::scope::task_set::TaskSet;

#[derive(Default)]
pub(crate) struct BodyState {
    start: Option<oneshot::Sender<StartContext>>,
    /// Dropped to have the body's future dropped.
    abort: Option<oneshot::Sender<()>>,
    running: bool,
    asked_at: Option<Instant>,
    abort_at: Option<Instant>,
    /// Its line in the report, where there is something to say.
    outcome: Option<ComponentOutcome>,
    track: Option<Track>,
}

/// What is to be done about a body whose time may be over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyDue {
    /// It has ended, or has time.
    Nothing,
    Abort,
    /// It was aborted, and is not dropped even now.
    GiveUp,
}

impl BodyState {
    pub(crate) fn new(link: Option<BodyLink>) -> Self {
        let (start, abort) = link.map(|link| (link.start, link.abort)).unzip();
        Self {
            start,
            abort,
            ..Self::default()
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    /// Starts the body, where there is one.
    pub(crate) fn start(&mut self, context: impl FnOnce() -> StartContext) {
        let Some(start) = self.start.take() else {
            return;
        };
        self.running = start.send(context()).is_ok();
        self.track = self
            .running
            .then(|| Track::new(Activity::Running, Instant::now()));
    }

    /// It is asked to stop now, and has time until `until`.
    pub(crate) fn stop_requested(&mut self, until: Instant) {
        let now = Instant::now();
        self.asked_at = Some(now);
        self.abort_at = Some(until);
        if let Some(track) = &mut self.track {
            track.enter(Activity::Draining, now);
        }
    }

    /// It has ended, or is not waited for any more.
    pub(crate) fn ended(&mut self) {
        self.running = false;
        if let Some(track) = &mut self.track {
            track.end(Instant::now());
        }
    }

    pub(crate) fn due(&self, now: Instant) -> BodyDue {
        match self.abort_at {
            Some(at) if self.running && at <= now => {
                if self.abort.is_some() {
                    BodyDue::Abort
                } else {
                    BodyDue::GiveUp
                }
            }
            _ => BodyDue::Nothing,
        }
    }

    /// An aborted future takes a moment to be dropped: until then it is waited for.
    pub(crate) fn wait_for_drop(&mut self, until: Instant) {
        self.abort_at = Some(until);
    }

    /// Has its future dropped. Returns its outcome, unless it was aborted before.
    pub(crate) fn abort(&mut self, forced: bool) -> Option<ComponentOutcome> {
        self.abort.take()?;
        let waited = self
            .asked_at
            .map_or(Duration::ZERO, |asked| asked.elapsed());
        let outcome = self.outcome();
        outcome.layer = CleanupLayer::Timeout;
        outcome.unclean = true;
        outcome.stopped = Some(waited);
        outcome.errors.push(if forced {
            "was cancelled".to_owned()
        } else {
            format!("did not end within {}", show(waited))
        });
        Some(outcome.clone())
    }

    /// Its line in the report; it has one from here on.
    pub(crate) fn outcome(&mut self) -> &mut ComponentOutcome {
        self.outcome.get_or_insert_with(ComponentOutcome::of_body)
    }

    /// Writes down which of main's own tasks did not end even when they were cancelled.
    pub(crate) fn conclude_tasks(&mut self, tasks: &TaskSet) {
        let unfinished = tasks.names();
        if !unfinished.is_empty() {
            let outcome = self.outcome();
            outcome.unclean = true;
            outcome.layer = CleanupLayer::Timeout;
            outcome.unfinished_tasks = unfinished;
        } else if let Some(outcome) = &mut self.outcome {
            outcome.unfinished_tasks = unfinished;
        }
    }

    /// Its line in a report, where it ran or there is something to say, with what `with_spans` makes of its track.
    pub(crate) fn reported(
        &self,
        with_spans: impl FnOnce(&ComponentOutcome, &Track) -> ComponentOutcome,
    ) -> Option<ComponentOutcome> {
        match (&self.outcome, &self.track) {
            (Some(outcome), Some(track)) => Some(with_spans(outcome, track)),
            (None, Some(track)) => Some(with_spans(&ComponentOutcome::of_body(), track)),
            (outcome, None) => outcome.clone(),
        }
    }
}
