//! Many sleeping tasks, on a paused clock: when they wake, and how often they are polled until then.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lifecycle::{Shutdown, Slept};
use lifecycle_tests::in_process::with_worker;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::MACHINE;

const SECOND: Duration = Duration::from_secs(1);
const SLEEPERS: u64 = 100_000;

#[tokio::test(start_paused = true)]
async fn each_sleep_ends_at_its_own_instant_or_at_the_stop() {
    let _machine = MACHINE.lock().await;
    let (slept, mut sleeps) = mpsc::unbounded_channel();
    let running = with_worker(async move |shutdown: Shutdown| {
        let began = Instant::now();
        let tasks = shutdown.tasks();
        for time in [
            SECOND / 1000,
            SECOND,
            7 * SECOND,
            10 * SECOND,
            3600 * SECOND,
        ] {
            let (shutdown, slept) = (shutdown.clone(), slept.clone());
            tasks.spawn("sleeper", async move {
                let how = shutdown.sleep(time).await;
                let _ = slept.send((time, how, began.elapsed()));
            });
        }
        shutdown.requested().await;
    })
    .await;
    sleep(10 * SECOND + SECOND / 2).await;
    let asked = Instant::now();
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(asked.elapsed(), Duration::ZERO, "{report}");
    let mut seen = Vec::new();
    while let Some(sleep) = sleeps.recv().await {
        seen.push(sleep);
    }
    let elapsed = |time| (time, Slept::Elapsed, time);
    assert_eq!(
        seen,
        [
            elapsed(SECOND / 1000),
            elapsed(SECOND),
            elapsed(7 * SECOND),
            elapsed(10 * SECOND),
            (3600 * SECOND, Slept::Interrupted, 10 * SECOND + SECOND / 2),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_sleepers_are_woken_by_one_stop_with_two_polls_each() {
    let _machine = MACHINE.lock().await;
    let polls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&polls);
    let (up, mut is_up) = mpsc::channel(1);
    let running = with_worker(async move |shutdown: Shutdown| {
        let tasks = shutdown.tasks();
        for _ in 0..SLEEPERS {
            let (shutdown, polls) = (shutdown.clone(), Arc::clone(&counted));
            tasks.spawn("sleeper", async move {
                let mut sleep = pin!(shutdown.sleep(3600 * SECOND));
                let slept = poll_fn(|context| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    sleep.as_mut().poll(context)
                });
                assert_eq!(slept.await, Slept::Interrupted);
            });
        }
        let _ = up.send(tasks).await;
        shutdown.requested().await;
    })
    .await;
    let tasks = is_up.recv().await.expect("the worker runs");
    // The clock advances only when all tasks are idle: all of them sleep.
    sleep(60 * SECOND).await;
    assert_eq!(tasks.len() as u64, SLEEPERS);
    assert_eq!(polls.load(Ordering::Relaxed), SLEEPERS, "while they sleep");

    let asked = Instant::now();
    let report = running.stop().await;
    assert_eq!(asked.elapsed(), Duration::ZERO, "{report}");
    assert!(report.is_clean() && tasks.is_empty(), "{report}");
    assert_eq!(polls.load(Ordering::Relaxed), 2 * SLEEPERS);
}
