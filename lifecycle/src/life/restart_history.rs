//! [`RestartHistory`]: what follows when a worker ends by itself. Pure decisions, without clock or runtime.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::background_policy::{BackgroundPolicy, RestartPolicy};
use crate::base::duration::LONGEST;

/// Delays double up to this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// The history of a worker, as far as its policy depends on it.
#[derive(Debug, Default)]
pub(crate) struct RestartHistory {
    /// The instants of the restarts of late, the oldest first.
    restarts: VecDeque<Instant>,
    /// Of periodic runs.
    failures_in_row: u32,
}

/// What follows the end of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The worker runs again after that time.
    Again(Duration),
    /// It has failed for good.
    Failed,
    /// It has done what it had to do.
    Finished,
}

impl RestartHistory {
    /// Decides what follows the end of a run, and adds that end to the history. `jitter` is between 0 and 1.
    pub(crate) fn next(
        &mut self,
        policy: &BackgroundPolicy,
        ok: bool,
        now: Instant,
        jitter: f64,
    ) -> Next {
        let next = self.decide(policy, ok, now, jitter);
        self.add(policy, ok, now, &next);
        next
    }

    /// Whether a worker whose run ended now would run again. Changes nothing.
    pub(crate) fn would_run_again(
        &self,
        policy: &BackgroundPolicy,
        ok: bool,
        now: Instant,
    ) -> bool {
        matches!(self.decide(policy, ok, now, 0.0), Next::Again(_))
    }

    fn decide(&self, policy: &BackgroundPolicy, ok: bool, now: Instant, jitter: f64) -> Next {
        if let Some(every) = policy.schedule {
            return match every.max_failures {
                Some(most) if self.failures_in_row_after(ok) >= most => Next::Failed,
                _ => Next::Again(every.period.min(LONGEST)),
            };
        }
        let restart = match policy.restart {
            RestartPolicy::Never => false,
            RestartPolicy::OnFailure => !ok,
            RestartPolicy::Always => true,
        };
        if !restart {
            return if ok { Next::Finished } else { Next::Failed };
        }
        let recent = self.restarts.len() - self.outdated(policy, now);
        let recent = u32::try_from(recent).unwrap_or(u32::MAX);
        if recent >= policy.max_restarts {
            return Next::Failed;
        }
        Next::Again(backoff(policy.backoff, recent, jitter))
    }

    fn add(&mut self, policy: &BackgroundPolicy, ok: bool, now: Instant, next: &Next) {
        if policy.schedule.is_some() {
            self.failures_in_row = self.failures_in_row_after(ok);
        } else if matches!(next, Next::Again(_)) {
            // Those that count no more go here: the history is as long as `max_restarts` at most.
            self.restarts.drain(..self.outdated(policy, now));
            self.restarts.push_back(now);
        }
    }

    fn failures_in_row_after(&self, ok: bool) -> u32 {
        if ok { 0 } else { self.failures_in_row + 1 }
    }

    /// How many of the restarts are older than the window that the policy looks at.
    fn outdated(&self, policy: &BackgroundPolicy, now: Instant) -> usize {
        self.restarts
            .partition_point(|at| now.duration_since(*at) >= policy.within)
    }
}

/// The delay before attempt `tries` + 2: doubling, between half and the whole of it, at most 30 s.
pub(crate) fn backoff(first: Duration, tries: u32, jitter: f64) -> Duration {
    let whole = first
        .saturating_mul(2_u32.saturating_pow(tries))
        .min(LONGEST_BACKOFF);
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// A number between 0 and 1 that differs from process to process, so that replicas do not retry in step.
pub(crate) fn jitter() -> f64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    #[cfg(test)]
    if let Some(jitter) = super::simulation::jitter() {
        return jitter;
    }
    let random = std::hash::RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::schedule::Schedule;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn by_default_an_end_is_final() {
        let mut restart_history = RestartHistory::default();
        let now = Instant::now();
        assert_eq!(
            restart_history.next(&BackgroundPolicy::DEFAULT, true, now, 1.0),
            Next::Finished
        );
        assert_eq!(
            restart_history.next(&BackgroundPolicy::DEFAULT, false, now, 1.0),
            Next::Failed
        );
    }

    #[test]
    fn restarts_back_off_until_the_intensity_is_reached() {
        let policy = BackgroundPolicy::DEFAULT
            .restart(RestartPolicy::OnFailure)
            .intensity(3, 10 * SECOND)
            .backoff(SECOND);
        let mut restart_history = RestartHistory::default();
        let now = Instant::now();
        for (at, expected) in [
            (0, Next::Again(SECOND)),
            (1, Next::Again(2 * SECOND)),
            (2, Next::Again(4 * SECOND)),
            (3, Next::Failed),
            // Ten seconds after the first and the second, one is still in the window.
            (11, Next::Again(2 * SECOND)),
        ] {
            assert_eq!(
                restart_history.next(&policy, false, now + at * SECOND, 1.0),
                expected,
                "at {at} s"
            );
        }
        assert_eq!(
            restart_history.next(&policy, true, now + 11 * SECOND, 1.0),
            Next::Finished
        );
    }

    #[test]
    fn an_end_without_error_is_restarted_only_always() {
        let policy = BackgroundPolicy::DEFAULT
            .restart(RestartPolicy::Always)
            .backoff(SECOND);
        let next = RestartHistory::default().next(&policy, true, Instant::now(), 0.0);
        assert_eq!(next, Next::Again(SECOND / 2));
    }

    #[test]
    fn periodic_runs_go_on_until_too_many_fail_in_a_row() {
        let policy = BackgroundPolicy::DEFAULT.schedule(Schedule::every(SECOND).max_failures(2));
        let mut restart_history = RestartHistory::default();
        let now = Instant::now();
        for (ok, expected) in [
            (false, Next::Again(SECOND)),
            (true, Next::Again(SECOND)),
            (false, Next::Again(SECOND)),
            (false, Next::Failed),
        ] {
            assert_eq!(restart_history.next(&policy, ok, now, 1.0), expected);
        }
    }

    #[test]
    fn asking_whether_a_worker_would_run_again_agrees_with_the_decision_and_changes_nothing() {
        let periodic = BackgroundPolicy::DEFAULT.schedule(Schedule::every(SECOND).max_failures(3));
        let restarted = BackgroundPolicy::DEFAULT
            .restart(RestartPolicy::OnFailure)
            .intensity(2, 5 * SECOND);
        for policy in [BackgroundPolicy::DEFAULT, periodic, restarted] {
            let mut history = RestartHistory::default();
            let mut now = Instant::now();
            for run in 0..40 {
                let ok = run % 7 == 3;
                let asked = history.would_run_again(&policy, ok, now);
                assert_eq!(asked, history.would_run_again(&policy, ok, now));
                let next = history.next(&policy, ok, now, 0.0);
                assert_eq!(asked, matches!(next, Next::Again(_)), "run {run}");
                now += SECOND * (run % 4);
            }
        }
    }

    #[test]
    fn the_history_is_as_long_as_the_restarts_that_count() {
        let policy = BackgroundPolicy::DEFAULT
            .restart(RestartPolicy::Always)
            .intensity(3, SECOND);
        let mut history = RestartHistory::default();
        let now = Instant::now();
        for run in 0..100 {
            history.next(&policy, true, now + run * SECOND / 2, 0.0);
            assert!(history.restarts.len() <= 3);
        }
    }

    #[test]
    fn delays_are_bounded() {
        assert_eq!(backoff(SECOND, 40, 1.0), LONGEST_BACKOFF);
        assert_eq!(backoff(SECOND, 0, 0.0), SECOND / 2);
    }

    #[test]
    fn chance_is_spread_over_all_of_its_range() {
        // Each half is missed once in 2^200 times.
        let chances: Vec<f64> = (0..200).map(|_| jitter()).collect();
        assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)));
        assert!(chances.iter().any(|chance| *chance < 0.5));
        assert!(chances.iter().any(|chance| *chance > 0.5));
    }
}
