//! What a `Shutdown` handle returns and does, in each scope: in this process, on a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifecycle::{Lifecycle, Reason, Shutdown, Slept, background, is_disconnect, resource};
use lifecycle_tests::in_process::{settings, with_worker};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_scope_knows_the_reason_and_its_remaining_time() {
    let seen = Arc::new(Mutex::new(None));
    let see = Arc::clone(&seen);
    let running = with_worker(async move |shutdown: Shutdown| {
        assert_eq!((shutdown.reason(), shutdown.remaining()), (None, None));
        shutdown.requested().await;
        *see.lock().expect("no panic under the lock") =
            Some((shutdown.reason(), shutdown.remaining()));
    })
    .await;
    assert!(running.stop().await.is_clean());
    let (reason, remaining) = seen
        .lock()
        .expect("no panic under the lock")
        .take()
        .expect("it was asked to stop");
    assert_eq!(reason, Some(Reason::Requested));
    let remaining = remaining.expect("it has an end");
    assert!(
        remaining <= 8 * SECOND && remaining > 7 * SECOND,
        "{remaining:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sleep_ends_early_and_a_run_is_dropped_at_the_stop_request() {
    let running = with_worker(async move |shutdown: Shutdown| {
        assert_eq!(shutdown.sleep(SECOND).await, Slept::Elapsed);
        assert_eq!(shutdown.run(async { 7 }).await, Some(7));
        let began = Instant::now();
        assert_eq!(shutdown.sleep(3600 * SECOND).await, Slept::Interrupted);
        assert!(began.elapsed() < 20 * SECOND);
        assert_eq!(
            shutdown.run(async { 7 }).await,
            None,
            "after the stop request it is not even polled"
        );
    })
    .await;
    sleep(10 * SECOND).await;
    let report = running.stop().await;
    assert!(report.is_clean() && report.shutdown() < SECOND, "{report}");
}

#[tokio::test(start_paused = true)]
async fn more_time_comes_out_of_slack_only() {
    let granted = Arc::new(Mutex::new(None));
    let grant = Arc::clone(&granted);
    let running = with_worker(async move |shutdown: Shutdown| {
        assert_eq!(
            shutdown.extend(SECOND),
            Duration::ZERO,
            "it has not been asked to stop"
        );
        shutdown.requested().await;
        let more = shutdown.extend(3600 * SECOND);
        *grant.lock().expect("no panic under the lock") = Some((more, shutdown.remaining()));
        std::future::pending::<()>().await;
    })
    .await;
    let report = running.stop().await;
    assert_eq!(report.exit_code(), 3, "{report}");
    assert!(report.shutdown() <= 20 * SECOND, "{report}");
    let (more, remaining) = granted
        .lock()
        .expect("no panic under the lock")
        .take()
        .expect("it was asked to stop");
    let remaining = remaining.expect("it has an end");
    assert!(
        more <= 10 * SECOND && remaining <= 18 * SECOND,
        "{more:?}, {remaining:?}"
    );
}

/// The extensions that components were granted.
struct Granted {
    times: Mutex<Vec<Duration>>,
    shutdown: Shutdown,
}

impl Granted {
    /// Takes longer than its timeout of one second.
    async fn ask(&self, shutdown: &Shutdown) {
        let more = shutdown.extend(3600 * SECOND);
        self.times
            .lock()
            .expect("no panic under the lock")
            .push(more);
        sleep((SECOND + more).min(3 * SECOND) - SECOND / 2).await;
    }
}

#[resource(timeout = "1s")]
impl Granted {
    async fn start(shutdown: Shutdown) -> Self {
        let times = Mutex::default();
        Self { times, shutdown }
    }

    async fn stop(&self) {
        self.ask(&self.shutdown).await;
    }
}

#[background(timeout = "1s")]
async fn asked_first(granted: &Granted, shutdown: Shutdown) {
    shutdown.requested().await;
    granted.ask(&shutdown).await;
}

#[background(order = 1, timeout = "1s")]
async fn asked_last(granted: &Granted, shutdown: Shutdown) {
    shutdown.requested().await;
    granted.ask(&shutdown).await;
}

#[background(timeout = "2s")]
async fn leaves_a_task(granted: Arc<Granted>, shutdown: Shutdown) {
    let scope = shutdown.clone();
    shutdown.tasks().spawn("remaining", async move {
        scope.requested().await;
        sleep(SECOND * 3 / 2).await;
        granted.ask(&scope).await;
    });
}

#[tokio::test(start_paused = true)]
async fn tasks_of_an_ended_worker_have_new_deadlines_when_the_app_stops() {
    let builder = Lifecycle::builder().background_worker::<leaves_a_task>();
    let running = builder.settings(settings()).start().await;
    let running = running.expect("it starts");
    let granted = running.get::<Granted>().expect("it is up");
    sleep(SECOND).await;
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    let times = granted.times.lock().expect("no panic under the lock");
    let seconds: Vec<u64> = times.iter().map(Duration::as_secs).collect();
    // Of the drain's 8 s, two were reserved; of the 18 s before the emergency reserve, 3 s had passed and 1 s was
    // reserved.
    assert_eq!(seconds, [6, 14], "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_component_has_slack_and_reserved_time_is_not_granted() {
    let builder = Lifecycle::builder()
        .background_worker::<asked_first>()
        .background_worker::<asked_last>();
    let running = builder.settings(settings()).start().await;
    let running = running.expect("it starts");
    let granted = running.get::<Granted>().expect("it is up");
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    let times = granted.times.lock().expect("no panic under the lock");
    let seconds: Vec<u64> = times.iter().map(Duration::as_secs).collect();
    // Of the drain's 8 s, half a second had passed; of the 18 s before the emergency reserve, another 2.5 s, and 1 s
    // was reserved.
    assert_eq!(seconds, [0, 6, 14], "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn admitted_work_is_awaited_and_late_work_refused() {
    let running = with_worker(async move |shutdown: Shutdown| {
        let work = shutdown.admit().expect("the app runs");
        let asked = shutdown.clone();
        tokio::spawn(async move {
            asked.requested().await;
            assert!(asked.admit().is_err(), "the drain has begun");
            // Clones keep the drain waiting.
            let clone = work.clone();
            drop(work);
            sleep(3 * SECOND).await;
            drop(clone);
        });
        shutdown.requested().await;
    })
    .await;
    let report = running.stop().await;
    assert!(report.is_clean() && report.aborted_work() == 0, "{report}");
    let took = report.shutdown().as_millis();
    assert!((3000..3100).contains(&took), "{took} ms: {report}");
}

#[tokio::test(start_paused = true)]
async fn admitted_work_that_does_not_end_is_cancelled_and_counted() {
    let running = with_worker(async move |shutdown: Shutdown| {
        std::mem::forget(shutdown.admit().expect("the app runs"));
        std::mem::forget(shutdown.admit().expect("the app runs"));
        shutdown.requested().await;
    })
    .await;
    let report = running.stop().await;
    assert_eq!(
        (report.exit_code(), report.aborted_work()),
        (3, 2),
        "{report}"
    );
    let took = report.shutdown().as_millis();
    assert!((8000..8200).contains(&took), "{took} ms: {report}");
}

/// Keeps the handle of its own scope.
struct Owner(Shutdown);

#[resource]
impl Owner {
    async fn start(shutdown: Shutdown) -> Self {
        Self(shutdown)
    }
}

#[background]
async fn user(owner: &Owner, shutdown: Shutdown) {
    shutdown.requested().await;
    sleep(SECOND).await;
    assert!(!owner.0.is_requested(), "its dependents have not ended");
}

#[tokio::test(start_paused = true)]
async fn the_scope_of_a_resource_is_asked_to_stop_after_its_dependents() {
    let builder = Lifecycle::builder()
        .background_worker::<user>()
        .settings(settings());
    let running = builder.start().await.expect("it starts");
    let scope = running.get::<Owner>().expect("it is up").0.clone();
    let report = running.stop().await;
    assert!(report.is_clean() && scope.is_requested(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn the_handle_of_the_app_can_request_and_fail() {
    let running = with_worker(async move |shutdown: Shutdown| shutdown.requested().await).await;
    let app = running.shutdown();
    app.fail("the disk is full");
    app.request();
    app.requested().await;
    let report = running.wait().await;
    assert_eq!(report.exit_code(), 1, "{report}");
    assert!(
        report
            .root_error()
            .is_some_and(|error| error.contains("the disk is full")),
        "{report}"
    );
}

#[test]
fn a_disconnect_is_found_anywhere_in_the_chain() {
    use std::io::{Error, ErrorKind};
    for kind in [
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::BrokenPipe,
        ErrorKind::NotConnected,
        ErrorKind::UnexpectedEof,
    ] {
        assert!(is_disconnect(&Error::other(Error::from(kind))), "{kind:?}");
    }
    assert!(!is_disconnect(&Error::other(Error::from(
        ErrorKind::TimedOut
    ))));
}
