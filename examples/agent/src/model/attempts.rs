//! [`attempts`]: repeats an operation after temporary failures, until a stop is requested.

use std::fmt::Display;
use std::time::Duration;

use lifecycle::{Shutdown, Slept};
use tokio::time::Instant;

/// How many attempts are made in total.
pub const MOST: u32 = 4;

/// Why an attempt failed.
#[derive(Debug)]
pub struct Failed<E> {
    pub error: E,
    pub again: Again,
}

/// Whether another attempt may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    Never,
    /// After a pause of the caller's choice.
    Later,
    /// After the pause that the remote side requested.
    After(Duration),
}

/// Returns the output of the first successful attempt, or the error of the last one. Each attempt gets its number,
/// starting at 1.
///
/// No further attempt is made if the pause before it would end after `due`, or once a stop is requested; a stop also
/// ends the current pause. `first` is the longest pause before the second attempt. It doubles from attempt to attempt,
/// and each pause is shortened by a random share of up to a half, so that many clients that fail together do not retry
/// together. Cancel safe if `attempt` is.
pub async fn attempts<T, E: Display, F: Future<Output = Result<T, Failed<E>>>>(
    shutdown: &Shutdown,
    due: Instant,
    first: Duration,
    mut attempt: impl FnMut(u32) -> F,
) -> Result<T, E> {
    let mut longest = first;
    let mut number = 1;
    loop {
        let Failed { error, again } = match attempt(number).await {
            Ok(output) => return Ok(output),
            Err(failed) => failed,
        };
        let pause = match again {
            Again::Never => return Err(error),
            Again::Later => longest.mul_f64(0.5 + 0.5 * fastrand::f64()),
            Again::After(pause) => pause,
        };
        let remaining = due.saturating_duration_since(Instant::now());
        if number == MOST || pause >= remaining {
            return Err(error);
        }
        if shutdown.sleep(pause).await == Slept::Interrupted {
            return Err(error);
        }
        tracing::warn!(%error, attempt = number, "repeating the request to the language model");
        longest *= 2;
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use lifecycle::{Lifecycle, Running};

    use super::*;

    const FIRST: Duration = Duration::from_millis(500);
    const MINUTE: Duration = Duration::from_secs(60);

    async fn start() -> Running {
        Lifecycle::builder().start().await.unwrap()
    }

    /// Runs attempts that fail in this way, one after the other, followed by one that succeeds. Returns the output and
    /// the times of the attempts.
    async fn fail(shutdown: &Shutdown, failures: &[Again]) -> (Result<u32, u32>, Vec<Duration>) {
        let begun = Instant::now();
        let times = RefCell::new(Vec::new());
        let attempt = |number| {
            times.borrow_mut().push(begun.elapsed());
            let failed = failures.get(number as usize - 1);
            std::future::ready(match failed.copied() {
                Some(again) => Err(Failed {
                    error: number,
                    again,
                }),
                None => Ok(number),
            })
        };
        let output = attempts(shutdown, begun + MINUTE, FIRST, attempt).await;
        (output, times.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_and_vary() {
        let running = start().await;
        let mut seen = Vec::new();
        for _ in 0..50 {
            let (output, times) = fail(&running.shutdown(), &[Again::Later; 3]).await;
            assert_eq!(output, Ok(4));
            for (pause, longest) in times.windows(2).zip([FIRST, FIRST * 2, FIRST * 4]) {
                let pause = pause[1] - pause[0];
                // Paused time advances in milliseconds.
                let at_most = longest + Duration::from_millis(1);
                assert!(pause >= longest / 2 && pause <= at_most, "{pause:?}");
            }
            seen.push(times[1]);
        }
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 10, "{seen:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_requested_pause_is_respected() {
        let running = start().await;
        let pause = Duration::from_secs(7);
        let (output, times) = fail(&running.shutdown(), &[Again::After(pause)]).await;
        assert_eq!((output, times), (Ok(2), vec![Duration::ZERO, pause]));
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_with_a_permanent_failure_their_maximum_and_the_deadline() {
        let running = start().await;
        let shutdown = running.shutdown();
        let (output, _) = fail(&shutdown, &[Again::Later, Again::Never]).await;
        assert_eq!(output, Err(2));
        let (output, _) = fail(&shutdown, &[Again::Later; 9]).await;
        assert_eq!(output, Err(MOST));
        // A pause of an hour would end after the deadline in a minute.
        let (output, times) = fail(&shutdown, &[Again::After(MINUTE * 60)]).await;
        assert_eq!((output, times), (Err(1), vec![Duration::ZERO]));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_repeated_once_a_stop_is_requested() {
        let running = start().await;
        let shutdown = running.shutdown();
        let begun = Instant::now();
        let pause = Duration::from_secs(50);
        let waiting = async {
            let (output, _) = fail(&shutdown, &[Again::After(pause)]).await;
            assert_eq!(output, Err(1));
            assert!(begun.elapsed() < pause, "{:?}", begun.elapsed());
        };
        let (_, report) = tokio::join!(waiting, running.stop());
        assert!(report.is_clean(), "{report}");
        let (output, _) = fail(&shutdown, &[Again::After(Duration::ZERO)]).await;
        assert_eq!(output, Err(1));
    }
}
