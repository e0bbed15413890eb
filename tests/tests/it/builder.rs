//! The app without macros: the builder, `Running`, `StartError`; and the test attribute.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use lifecycle::{App, CleanupLayer, Lifecycle, Reason, Settings, Shutdown, background, resource};
use tokio::sync::oneshot;

/// Counts starts and stops.
struct Counter {
    started: AtomicUsize,
    stopped: AtomicUsize,
}

struct Config(Arc<Counter>);

#[resource]
impl Config {
    async fn start() -> Self {
        Self(Arc::new(Counter {
            started: AtomicUsize::new(1),
            stopped: AtomicUsize::new(0),
        }))
    }

    async fn stop(&self) {
        self.0.stopped.fetch_add(100, Ordering::SeqCst);
    }
}

struct Database(Arc<Counter>);

#[resource]
impl Database {
    async fn start(config: &Config) -> Self {
        config.0.started.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(&config.0))
    }

    async fn stop(&self) {
        self.0.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

struct Broken;

#[resource]
impl Broken {
    async fn start(_database: &Database) -> Result<Self, &'static str> {
        Err("no luck today")
    }
}

#[derive(App)]
struct Store {
    _database: Arc<Database>,
}

#[tokio::test]
async fn a_resource_starts_with_its_dependencies() {
    let running = Lifecycle::builder()
        .resource::<Database>()
        .start()
        .await
        .expect("it starts");
    let database = running.get::<Database>().expect("it is up");
    let counter = Arc::clone(&database.0);
    assert!(running.get::<Config>().is_ok());
    let missing = running
        .get::<Broken>()
        .err()
        .expect("it is no part of the app");
    assert!(missing.to_string().contains("Broken"), "{missing}");
    drop(database);
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason(), &Reason::Requested);
    assert_eq!(
        counter.stopped.load(Ordering::SeqCst),
        101,
        "each is stopped once"
    );
    let names: Vec<&str> = report
        .components()
        .iter()
        .map(lifecycle::ComponentReport::name)
        .collect();
    assert_eq!(
        names,
        ["Database", "Config"],
        "in the order in which they ended"
    );
}

#[tokio::test]
async fn a_provided_value_is_neither_started_nor_stopped() {
    let counter = Arc::new(Counter {
        started: AtomicUsize::new(0),
        stopped: AtomicUsize::new(0),
    });
    let provided = Config(Arc::clone(&counter));
    let running = Lifecycle::builder()
        .app::<Store>()
        .provide(provided)
        .start()
        .await
        .expect("it starts");
    let report = running.stop().await;
    assert!(
        report.is_clean() && report.component("Config").is_none(),
        "{report}"
    );
    assert_eq!(
        (
            counter.started.load(Ordering::SeqCst),
            counter.stopped.load(Ordering::SeqCst)
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_start_that_fails_is_an_error_with_a_report() {
    let error = Lifecycle::builder()
        .resource::<Broken>()
        .start()
        .await
        .expect_err("it cannot start");
    assert!(
        error
            .to_string()
            .contains("`Broken` did not start: no luck today"),
        "{error}"
    );
    assert!(!error.is_config());
    let report = error.report().expect("something had started");
    assert_eq!((report.exit_code(), report.ran()), (1, false));
    for component in ["Database", "Config"] {
        let component = report.component(component).expect("it is there");
        assert!(
            component.stopped().is_some() && component.layer() == CleanupLayer::Safe,
            "{report}"
        );
    }
    assert!(
        report
            .component("Broken")
            .expect("it is there")
            .stopped()
            .is_none()
    );
}

#[tokio::test]
async fn a_graph_that_is_wrong_is_refused_before_anything_starts() {
    let builder = Lifecycle::builder()
        .resource::<Database>()
        .disable("Config")
        .disable("Databse");
    let error = builder.start().await.expect_err("it cannot start");
    assert!(error.is_config() && error.report().is_none());
    let text = error.to_string();
    assert!(
        text.contains("`Database` needs `Config`") && text.contains("did you mean `Database`"),
        "{text}"
    );
}

#[tokio::test]
async fn dropping_the_running_app_stops_it_in_the_background() {
    let (gone, is_gone) = oneshot::channel::<()>();
    let running = Lifecycle::builder()
        .background("tell", |shutdown: Shutdown| async move {
            shutdown.requested().await;
            drop(gone);
        })
        .resource::<Database>()
        .start()
        .await
        .expect("it starts");
    let counter = Arc::clone(&running.get::<Database>().expect("it is up").0);
    drop(running);
    assert!(
        is_gone.await.is_err(),
        "the worker was asked to stop, and dropped its end"
    );
    // The runtime has one thread: the app stops while this task yields.
    while counter.stopped.load(Ordering::SeqCst) < 101 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn dropping_a_start_stops_what_had_started() {
    let started = Arc::new(Counter {
        started: AtomicUsize::new(0),
        stopped: AtomicUsize::new(0),
    });
    let counter = Arc::clone(&started);
    let (up, is_up) = oneshot::channel::<()>();
    let builder = Lifecycle::builder().background("wait", move |shutdown: Shutdown| async move {
        let _ = up.send(());
        shutdown.requested().await;
        counter.stopped.fetch_add(1, Ordering::SeqCst);
    });
    let mut start = Box::pin(builder.start());
    tokio::select! {
        biased;
        _ = is_up => {}
        running = &mut start => drop(running),
    }
    drop(start);
    while started.stopped.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_worker_from_a_closure_may_fail() {
    let running = Lifecycle::builder()
        .background("poll", |shutdown: Shutdown| async move {
            let _ = shutdown.sleep(Duration::from_millis(10)).await;
            Err::<(), _>("gone wrong")
        })
        .start()
        .await
        .expect("it starts");
    let report = running.wait().await;
    assert_eq!(
        (report.exit_code(), report.root_error()),
        (1, Some("`poll` failed: gone wrong")),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn stop_is_bounded_and_the_report_names_what_was_abandoned() {
    let settings = Settings::default()
        .shutdown_timeout(Duration::from_secs(10))
        .drain_timeout(Duration::from_secs(2))
        .emergency_timeout(Duration::from_secs(1));
    let running = Lifecycle::builder()
        .background("stuck", |_shutdown: Shutdown| std::future::pending::<()>())
        .settings(settings)
        .start()
        .await
        .expect("it starts");
    let report = running.stop().await;
    assert_eq!(report.exit_code(), 3, "{report}");
    let stuck = report.component("stuck").expect("it is there");
    assert_eq!(stuck.layer(), CleanupLayer::Timeout);
    let took = report.shutdown().as_millis();
    assert!((2000..2100).contains(&took), "{took} ms: {report}");
    assert!(
        report.to_string().contains("stuck"),
        "it displays as a table: {report}"
    );
}

#[tokio::test]
async fn two_apps_run_side_by_side() {
    let one = Lifecycle::builder()
        .app::<Store>()
        .start()
        .await
        .expect("it starts");
    let two = Lifecycle::builder()
        .app::<Store>()
        .start()
        .await
        .expect("it starts");
    let counter = Arc::clone(&two.get::<Database>().expect("it is up").0);
    assert!(one.stop().await.is_clean());
    assert!(two.get::<Database>().is_ok() && counter.stopped.load(Ordering::SeqCst) == 0);
    assert!(two.stop().await.is_clean());
}

static WORKED: AtomicBool = AtomicBool::new(false);

#[background]
async fn work(shutdown: Shutdown) {
    WORKED.store(true, Ordering::SeqCst);
    shutdown.requested().await;
}

struct Stubborn;

#[resource(timeout = "100ms")]
impl Stubborn {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self) -> Result<(), &'static str> {
        Err("not today")
    }
}

#[derive(App)]
struct Unclean {
    _stubborn: Arc<Stubborn>,
}

#[lifecycle::test(background = [work])]
async fn a_test_runs_in_a_started_app(app: Store, shutdown: Shutdown) {
    assert!(app._database.0.started.load(Ordering::SeqCst) == 2);
    assert!(WORKED.load(Ordering::SeqCst) && !shutdown.is_requested());
}

#[lifecycle::test(provide = [Config(Arc::new(Counter { started: AtomicUsize::new(40), stopped: AtomicUsize::new(0) }))])]
async fn a_test_can_provide_values(app: Store) {
    assert_eq!(app._database.0.started.load(Ordering::SeqCst), 41);
}

#[lifecycle::test(start_paused = true)]
async fn a_test_can_have_a_paused_clock(_app: Store, shutdown: Shutdown) {
    let began = std::time::Instant::now();
    assert!(
        !shutdown
            .sleep(Duration::from_secs(3600))
            .await
            .is_interrupted()
    );
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[lifecycle::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_can_return_a_result(_app: Store) -> Result<(), std::num::ParseIntError> {
    "7".parse::<u8>().map(drop)
}

#[lifecycle::test]
#[should_panic(expected = "not today")]
async fn a_test_fails_when_the_stop_was_not_graceful(_app: Unclean) {}

#[lifecycle::test]
#[should_panic(expected = "no luck today")]
async fn a_test_fails_when_the_app_does_not_start(_app: Hopeless) {}

#[lifecycle::test]
#[should_panic(expected = "one is not two")]
async fn a_test_fails_when_its_body_panics(_app: Store) {
    assert_eq!(1, 2, "one is not two");
}

#[lifecycle::test]
#[should_panic(expected = "invalid digit")]
async fn a_test_fails_when_its_body_fails(_app: Store) -> Result<(), std::num::ParseIntError> {
    "seven".parse::<u8>().map(drop)
}

#[derive(App)]
struct Hopeless {
    _broken: Arc<Broken>,
}

#[tokio::test]
async fn d6_infinite_durations_are_taken_as_a_year() {
    let longest = Settings::default()
        .shutdown_timeout(Duration::MAX)
        .drain_timeout(Duration::MAX)
        .start_timeout(Duration::MAX)
        .startup_timeout(Duration::MAX);
    let app = || Lifecycle::builder().app::<Store>();
    let running = app()
        .settings(longest)
        .background("sleeper", |shutdown: Shutdown| async move {
            assert!(shutdown.sleep(Duration::MAX).await.is_interrupted());
            shutdown.extend(Duration::MAX);
        })
        .start()
        .await
        .expect("a year is long enough");
    assert!(running.stop().await.is_clean());
    for wrong in [
        longest.emergency_timeout(Duration::MAX),
        longest.lame_duck(Duration::MAX),
        longest
            .lame_duck(Duration::MAX)
            .emergency_timeout(Duration::MAX),
    ] {
        let error = app().settings(wrong).start().await;
        let error = error.expect_err("no time remains").to_string();
        assert!(error.contains("leave nothing"), "{error}");
    }
}
