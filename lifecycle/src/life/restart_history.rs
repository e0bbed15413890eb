//! What follows when a worker ends by itself: pure decisions, without clock or runtime.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::worker::{BackgroundPolicy, RestartPolicy};
use crate::base::duration::LONGEST;

/// Delays double up to this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// The history of a worker, as far as its policy asks for it.
#[derive(Debug, Default)]
pub(crate) struct RestartHistory {
    restarts: VecDeque<Instant>,
    failures_in_row: u32,
}

/// What follows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It runs again after that time.
    Again(Duration),
    /// It failed for good.
    Failed,
    /// It has done what it had to do.
    Finished,
}

impl RestartHistory {
    /// What follows the end of a run. `jitter` is between 0 and 1.
    pub(crate) fn next(
        &mut self,
        policy: &BackgroundPolicy,
        ok: bool,
        now: Instant,
        jitter: f64,
    ) -> Next {
        if let Some(every) = policy.every {
            self.failures_in_row = if ok { 0 } else { self.failures_in_row + 1 };
            return match every.max_failures {
                Some(most) if self.failures_in_row >= most => Next::Failed,
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
        while self
            .restarts
            .front()
            .is_some_and(|at| now.duration_since(*at) >= policy.within)
        {
            self.restarts.pop_front();
        }
        let recent = u32::try_from(self.restarts.len()).unwrap_or(u32::MAX);
        if recent >= policy.max_restarts {
            return Next::Failed;
        }
        self.restarts.push_back(now);
        Next::Again(backoff(policy.backoff, recent, jitter))
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
            // Ten seconds after the first and the second, one is left in the window.
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
        let policy = BackgroundPolicy::DEFAULT.every(SECOND, false, None, Some(2));
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
