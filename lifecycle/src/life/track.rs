//! What a component did when, and the instants of a life: what its timeline is drawn from.

use std::time::Duration;

use tokio::time::Instant;

/// What a component is at. Waiting and work are different activities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It is not its turn to start.
    Waiting,
    /// That attempt to start, from 1. For a worker: its function runs, and it is not up.
    Starting(u32),
    /// An attempt has failed, and another one is to follow.
    Backoff,
    /// It is up. For a worker, restarts and the time between periodic runs included.
    Running,
    /// A worker, or main's body, that has been asked to stop.
    Draining,
    /// Others have to stop before it.
    WaitingToStop,
    /// Its `stop`, and the end of its tasks.
    Stopping,
    /// Its emergency hook is due; those before it, or no free thread, hold it up.
    WaitingForEmergency,
    Emergency,
    /// Its destructor.
    Dropping,
}

/// A time that a component spent at one thing, counted from the begin of the life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) activity: Activity,
    pub(crate) begin: Duration,
    pub(crate) end: Duration,
}

/// An instant of the whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Everything is up.
    Up,
    /// The first cause to stop: the deadline counts from here.
    Cause,
    /// Still serving, but no longer ready.
    LameDuck,
    /// Nothing more is admitted.
    Drain,
    /// The stops begin.
    Stop,
    /// A second signal.
    Forced,
    /// All that is still up gets its emergency hook: forced, or the time is over.
    Emergency,
    End,
    Deadline,
}

/// Steps that are kept; further attempts to start count with the last one, so that this stays small.
const MOST: usize = 64;

/// The steps of one component, each of which ends the one before.
#[derive(Debug, Clone)]
pub(super) struct Track {
    steps: Vec<(Activity, Instant)>,
    ended: Option<Instant>,
}

impl Track {
    pub(super) fn new(activity: Activity, now: Instant) -> Self {
        // As many as a life has where nothing is tried again.
        let mut steps = Vec::with_capacity(8);
        steps.push((activity, now));
        Self { steps, ended: None }
    }

    /// It is at that from now on.
    pub(super) fn enter(&mut self, activity: Activity, now: Instant) {
        let repeats = matches!(activity, Activity::Starting(_) | Activity::Backoff);
        if self.ended.is_none()
            && self.last().0 != activity
            && !(repeats && self.steps.len() >= MOST)
        {
            self.steps.push((activity, now));
        }
    }

    pub(super) fn end(&mut self, now: Instant) {
        self.ended.get_or_insert(now);
    }

    /// Its emergency hook was called at that time, which may have been some time ago. Their clocks may differ in a test.
    pub(super) fn emergency(&mut self, called: Instant, now: Instant) {
        let known = |(activity, _): &(Activity, Instant)| *activity == Activity::Emergency;
        if self.steps.iter().any(known) {
            return;
        }
        let called = called.min(now);
        // It was called at once, before that was written down.
        let (activity, since) = self.last();
        if activity == Activity::WaitingForEmergency && called <= since {
            self.steps.pop();
        }
        if let Some(ended) = self.ended.take()
            && ended < called
        {
            self.enter(Activity::WaitingForEmergency, ended);
        }
        self.enter(Activity::Emergency, called.max(self.last().1));
    }

    /// The spans up to `now`, or without an end, as offsets from `began`. What has not begun to start has not waited
    /// beyond the `cause` to stop.
    pub(super) fn spans(
        &self,
        began: Instant,
        cause: Option<Instant>,
        now: Option<Instant>,
    ) -> Vec<Span> {
        let end = self.ended.or(now);
        let nexts = self.steps.iter().skip(1).map(|(_, at)| Some(*at));
        let ends = nexts.chain([end]);
        let offset = |at: Instant| at.saturating_duration_since(began);
        self.steps
            .iter()
            .zip(ends)
            .map(|(&(activity, begin), end)| {
                let end = match cause {
                    Some(cause) if activity == Activity::Waiting => {
                        Some(end.map_or(cause, |end| end.min(cause)))
                    }
                    _ => end,
                };
                let begin = offset(begin);
                Span {
                    activity,
                    begin,
                    end: end.map_or(Duration::MAX, offset).max(begin),
                }
            })
            .collect()
    }

    fn last(&self) -> (Activity, Instant) {
        self.steps[self.steps.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn seconds(track: &Track, began: Instant, end: u32) -> Vec<(Activity, u64, u64)> {
        track
            .spans(began, None, Some(began + end * SECOND))
            .iter()
            .map(|span| (span.activity, span.begin.as_secs(), span.end.as_secs()))
            .collect()
    }

    #[test]
    fn each_step_ends_the_one_before_and_the_end_is_final() {
        let began = Instant::now();
        let mut track = Track::new(Activity::Waiting, began);
        track.enter(Activity::Starting(1), began + SECOND);
        track.enter(Activity::Running, began + 2 * SECOND);
        track.enter(Activity::Running, began + 3 * SECOND);
        track.end(began + 4 * SECOND);
        track.enter(Activity::Dropping, began + 5 * SECOND);
        track.end(began + 6 * SECOND);
        assert_eq!(
            seconds(&track, began, 9),
            [
                (Activity::Waiting, 0, 1),
                (Activity::Starting(1), 1, 2),
                (Activity::Running, 2, 4)
            ]
        );
    }

    #[test]
    fn an_activity_that_goes_on_has_no_end_and_a_wait_to_start_ends_with_the_cause_to_stop() {
        let began = Instant::now();
        let mut track = Track::new(Activity::Waiting, began);
        let cause = Some(began + 2 * SECOND);
        let ends = |track: &Track, cause| {
            let spans = track.spans(began, cause, None);
            spans.iter().map(|span| span.end).collect::<Vec<_>>()
        };
        assert_eq!(ends(&track, None), [Duration::MAX]);
        assert_eq!(ends(&track, cause), [2 * SECOND]);
        track.enter(Activity::Starting(1), began + SECOND);
        assert_eq!(ends(&track, cause), [SECOND, Duration::MAX]);
        track.end(began + 3 * SECOND);
        assert_eq!(ends(&track, cause), [SECOND, 3 * SECOND]);
    }

    #[test]
    fn a_hook_that_was_called_after_its_component_was_abandoned_reopens_the_track() {
        let began = Instant::now();
        let mut track = Track::new(Activity::Running, began);
        track.end(began + SECOND);
        for _ in 0..2 {
            track.emergency(began + 3 * SECOND, began + 9 * SECOND);
        }
        assert_eq!(
            seconds(&track, began, 4),
            [
                (Activity::Running, 0, 1),
                (Activity::WaitingForEmergency, 1, 3),
                (Activity::Emergency, 3, 4)
            ]
        );
    }

    #[test]
    fn a_hook_that_was_called_before_its_component_was_abandoned_ends_its_activity() {
        let began = Instant::now();
        let mut track = Track::new(Activity::Running, began);
        track.end(began + 3 * SECOND);
        track.emergency(began + SECOND, began + 9 * SECOND);
        track.end(began + 2 * SECOND);
        assert_eq!(
            seconds(&track, began, 4),
            [(Activity::Running, 0, 1), (Activity::Emergency, 1, 2)]
        );
    }

    #[test]
    fn attempts_without_end_are_kept_as_one() {
        let began = Instant::now();
        let mut track = Track::new(Activity::Waiting, began);
        for attempt in 1..1000 {
            track.enter(Activity::Starting(attempt), began);
            track.enter(Activity::Backoff, began);
        }
        track.enter(Activity::Running, began + SECOND);
        track.end(began + 2 * SECOND);
        assert_eq!(track.steps.len(), MOST + 1);
        assert_eq!(
            seconds(&track, began, 9)[MOST - 1..],
            [(Activity::Starting(32), 0, 1), (Activity::Running, 1, 2)]
        );
    }
}
