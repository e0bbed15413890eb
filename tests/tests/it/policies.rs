//! What follows when a worker ends by itself, to the exact instant: in this process, on a paused clock.

use std::sync::Mutex;
use std::time::Duration;

use lifecycle::{
    BackgroundWorker, CleanupLayer, Lifecycle, Reason, Report, Running, Settings, Shutdown,
    background, resource,
};
use tokio::time::Instant;

/// When the runs of a worker began, since the start of the app.
struct Runs {
    origin: Instant,
    began: Mutex<Vec<Duration>>,
}

#[resource]
impl Runs {
    async fn start() -> Self {
        Self {
            origin: Instant::now(),
            began: Mutex::default(),
        }
    }
}

impl Runs {
    /// Records a run that begins now, and returns its number, from 1.
    fn begin(&self) -> usize {
        let mut began = self.began.lock().expect("no panic under the lock");
        began.push(self.origin.elapsed());
        began.len()
    }

    fn pauses(&self) -> Vec<Duration> {
        let began = self.began.lock().expect("no panic under the lock");
        began.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    fn seconds(&self) -> Vec<u64> {
        self.began
            .lock()
            .expect("no panic under the lock")
            .iter()
            .map(Duration::as_secs)
            .collect()
    }

    /// The same where there is no jitter: whole seconds.
    fn exact_seconds(&self) -> Vec<u64> {
        let seconds = self.seconds();
        let began = self.began.lock().expect("no panic under the lock");
        let whole = seconds.iter().copied().map(Duration::from_secs);
        assert!(whole.eq(began.iter().copied()), "{began:?}");
        seconds
    }
}

async fn start<W: BackgroundWorker>() -> Running {
    let settings = Settings::default().shutdown_timeout(Duration::from_secs(25));
    Lifecycle::builder()
        .background_worker::<W>()
        .settings(settings)
        .start()
        .await
        .expect("it starts")
}

/// Waits for the worker to end the app; returns its runs and the report.
async fn lead<W: BackgroundWorker>() -> (std::sync::Arc<Runs>, Report) {
    let running = start::<W>().await;
    let runs = running.get::<Runs>().expect("it is up");
    (runs, running.wait().await)
}

/// Asserts that each pause is between half of the expected time and all of it.
#[track_caller]
fn expect_backoff(pauses: &[Duration], expected_ms: &[u64]) {
    assert_eq!(pauses.len(), expected_ms.len(), "{pauses:?}");
    for (pause, whole) in pauses.iter().zip(expected_ms) {
        let whole = Duration::from_millis(*whole);
        let slack = Duration::from_millis(2);
        assert!(
            *pause + slack >= whole / 2 && *pause <= whole + slack,
            "{pause:?} instead of {whole:?}: {pauses:?}"
        );
    }
}

#[background]
async fn once(runs: &Runs) -> Result<(), &'static str> {
    runs.begin();
    tokio::time::sleep(Duration::from_secs(1)).await;
    Err("broken")
}

#[tokio::test(start_paused = true)]
async fn by_default_a_failure_is_final_and_stops_the_app() {
    let (runs, report) = lead::<once>().await;
    assert_eq!(runs.seconds(), [0]);
    assert_eq!(report.exit_code(), 1, "{report}");
    assert_eq!(report.reason(), &Reason::Failed("once".into()));
    assert_eq!(report.root_error(), Some("`once` failed: broken"));
}

#[background(
    restart = "on_failure",
    max_restarts = 4,
    within = "60s",
    backoff = "500ms"
)]
async fn failing(runs: &Runs) -> Result<(), &'static str> {
    let run = runs.begin();
    tokio::time::sleep(Duration::from_millis(1)).await;
    if run.is_multiple_of(2) {
        panic!("broken")
    } else {
        Err("broken")
    }
}

#[tokio::test(start_paused = true)]
async fn restarts_back_off_doubling_until_the_intensity_is_reached() {
    let (runs, report) = lead::<failing>().await;
    expect_backoff(&runs.pauses(), &[500, 1000, 2000, 4000]);
    assert_eq!(report.exit_code(), 1, "{report}");
    assert_eq!(
        report.component("failing").expect("it is there").restarts(),
        4
    );
}

#[background(
    restart = "on_failure",
    max_restarts = 2,
    within = "10s",
    backoff = "100ms"
)]
async fn seldom(runs: &Runs) -> Result<(), &'static str> {
    let run = runs.begin();
    tokio::time::sleep(Duration::from_secs(if run < 6 { 8 } else { 0 })).await;
    Err("broken")
}

#[tokio::test(start_paused = true)]
async fn failures_that_are_far_apart_do_not_count_together() {
    // Runs take 8 s: two restarts within 10 s and never a third, until the sixth run fails at once.
    let (runs, report) = lead::<seldom>().await;
    assert_eq!(runs.seconds(), [0, 8, 16, 24, 32, 40]);
    assert_eq!(report.exit_code(), 1, "{report}");
}

#[background(
    restart = "on_failure",
    backoff = "20s",
    max_restarts = 4,
    within = "1h"
)]
async fn patient(runs: &Runs) -> Result<(), &'static str> {
    runs.begin();
    tokio::time::sleep(Duration::from_millis(1)).await;
    Err("broken")
}

#[tokio::test(start_paused = true)]
async fn the_backoff_is_capped_at_30_s() {
    let (runs, _) = lead::<patient>().await;
    expect_backoff(&runs.pauses(), &[20_000, 30_000, 30_000, 30_000]);
}

#[background(restart = "on_failure", on_finish = "shutdown")]
async fn recovering(runs: &Runs) -> Result<(), &'static str> {
    let run = runs.begin();
    tokio::time::sleep(Duration::from_millis(1)).await;
    if run < 3 { Err("broken") } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn on_failure_does_not_restart_what_finished() {
    let (runs, report) = lead::<recovering>().await;
    assert_eq!(runs.seconds().len(), 3);
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!(report.reason(), &Reason::Finished("recovering".into()));
}

#[background(restart = "always", max_restarts = 2, backoff = "1s")]
async fn always(runs: &Runs) {
    runs.begin();
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn always_restarts_what_finished_until_the_intensity_is_reached() {
    let (runs, report) = lead::<always>().await;
    expect_backoff(&runs.pauses(), &[1000, 2000]);
    assert_eq!(
        report.exit_code(),
        1,
        "too many restarts are a failure: {report}"
    );
}

#[background(restart = "on_failure", on_failure = "ignore", max_restarts = 1)]
async fn hopeless(runs: &Runs) -> Result<(), &'static str> {
    runs.begin();
    tokio::time::sleep(Duration::from_millis(1)).await;
    Err("broken")
}

#[tokio::test(start_paused = true)]
async fn an_ignored_failure_is_final_after_its_restarts_and_the_app_goes_on() {
    let running = start::<hopeless>().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let runs = running.get::<Runs>().expect("the app goes on");
    assert_eq!(runs.seconds().len(), 2);
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(
        report.component("hopeless").expect("it is there").errors(),
        ["broken"]
    );
}

#[background(every = "60s")]
async fn periodic(runs: &Runs) -> Result<(), &'static str> {
    let run = runs.begin();
    tokio::time::sleep(Duration::from_secs(5)).await;
    match run {
        2 => Err("broken"),
        3 => panic!("broken"),
        _ => Ok(()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_period_begins_when_a_run_ends_and_a_failed_run_changes_nothing() {
    let running = start::<periodic>().await;
    let runs = running.get::<Runs>().expect("it is up");
    tokio::time::sleep(Duration::from_secs(330)).await;
    assert_eq!(runs.exact_seconds(), [60, 125, 190, 255, 320]);
    // Between two runs, or within one, the worker is asked to stop, and ends.
    let report = running.stop().await;
    assert!(report.shutdown() <= Duration::from_secs(5), "{report}");
    assert_eq!(report.exit_code(), 0, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_after_the_stop_request_changes_nothing() {
    let running = start::<periodic>().await;
    let runs = running.get::<Runs>().expect("it is up");
    // Two seconds into the second run, which fails.
    tokio::time::sleep(Duration::from_secs(127)).await;
    assert_eq!(runs.exact_seconds(), [60, 125]);
    let report = running.stop().await;
    assert_eq!(report.shutdown().as_secs(), 3, "{report}");
    assert!(report.is_clean(), "{report}");
}

#[background(every = "60s", immediate)]
async fn at_once(runs: &Runs) {
    runs.begin();
}

#[tokio::test(start_paused = true)]
async fn an_immediate_first_run_and_an_instant_stop_between_runs() {
    let running = start::<at_once>().await;
    let runs = running.get::<Runs>().expect("it is up");
    tokio::time::sleep(Duration::from_secs(150)).await;
    assert_eq!(runs.exact_seconds(), [0, 60, 120]);
    let report = running.stop().await;
    assert!(
        report.is_clean() && report.shutdown() < Duration::from_millis(100),
        "{report}"
    );
    assert_eq!(runs.exact_seconds(), [0, 60, 120]);
}

#[background(every = "10s", run_timeout = "3s")]
async fn endless(runs: &Runs) {
    runs.begin();
    std::future::pending::<()>().await;
}

#[tokio::test(start_paused = true)]
async fn run_timeout_bounds_a_run_and_the_next_comes_on_schedule() {
    let running = start::<endless>().await;
    let runs = running.get::<Runs>().expect("it is up");
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(runs.exact_seconds(), [10, 23, 36]);
    drop(running.stop().await);
}

#[background(every = "10s", max_failures = 3)]
async fn unlucky(runs: &Runs) -> Result<(), &'static str> {
    // Two failures, a success, then only failures.
    if runs.begin() == 3 {
        Ok(())
    } else {
        Err("broken")
    }
}

#[tokio::test(start_paused = true)]
async fn max_failures_in_a_row_count_as_failed() {
    let (runs, report) = lead::<unlucky>().await;
    assert_eq!(runs.exact_seconds(), [10, 20, 30, 40, 50, 60]);
    assert_eq!(report.exit_code(), 1, "{report}");
    assert_eq!(report.reason(), &Reason::Failed("unlucky".into()));
}

#[background(
    restart = "on_failure",
    backoff = "1s",
    max_restarts = 1,
    timeout = "4s"
)]
async fn leaving_tasks(runs: &Runs, shutdown: Shutdown) -> Result<(), &'static str> {
    runs.begin();
    let asked = shutdown.clone();
    shutdown.tasks().spawn("slow", async move {
        asked.requested().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    });
    tokio::time::sleep(Duration::from_secs(10)).await;
    Err("broken")
}

#[tokio::test(start_paused = true)]
async fn tasks_of_the_ended_run_are_ended_before_the_next_begins() {
    let (runs, report) = lead::<leaving_tasks>().await;
    let pause = runs.pauses()[0];
    assert!(
        pause >= Duration::from_millis(13_500) && pause <= Duration::from_millis(14_050),
        "{pause:?}"
    );
    assert_eq!(report.exit_code(), 1, "{report}");
    let worker = report.component("leaving_tasks").expect("it is there");
    assert!(
        worker.unfinished_tasks().is_empty() && worker.layer() == CleanupLayer::Safe,
        "{report}"
    );
}

#[background(restart = "on_failure", backoff = "1s", max_restarts = 1)]
async fn relayed(runs: &Runs, shutdown: Shutdown) -> Result<(), &'static str> {
    if runs.begin() == 2 {
        return Err("broken again");
    }
    let (pass_on, passed_on) = tokio::sync::oneshot::channel();
    let tasks = shutdown.tasks();
    tasks.spawn("first", async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = pass_on.send(());
    });
    // A task that the scope does not know spawns the second one: after the first has ended, and before the scope
    // notices.
    tokio::spawn(async move {
        let _ = passed_on.await;
        tasks.spawn("second", tokio::time::sleep(Duration::from_secs(1)));
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    Err("broken")
}

#[tokio::test(start_paused = true)]
async fn a_task_that_succeeds_the_last_one_is_awaited_too() {
    let (runs, report) = lead::<relayed>().await;
    let pause = runs.pauses()[0];
    assert!(pause >= Duration::from_millis(2_500), "{pause:?}");
    let worker = report.component("relayed").expect("it is there");
    assert!(worker.unfinished_tasks().is_empty(), "{report}");
}

#[background(restart = "always", backoff = "10s")]
async fn restarting(runs: &Runs) -> Result<(), &'static str> {
    runs.begin();
    tokio::time::sleep(Duration::from_secs(1)).await;
    Err("broken")
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_a_backoff_takes_no_time_and_starts_nothing() {
    let running = start::<restarting>().await;
    let runs = running.get::<Runs>().expect("it is up");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let report = running.stop().await;
    assert!(
        report.is_clean() && report.shutdown() < Duration::from_millis(100),
        "{report}"
    );
    assert_eq!(runs.seconds(), [0]);
}
