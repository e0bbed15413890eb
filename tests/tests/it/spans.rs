//! The spans around calls of user code, as a subscriber sees them.
//!
//! The subscriber is the global one, because the threads of hooks need it, too. Therefore each of these tests is a process
//! of its own.

mod log;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use lifecycle::{CleanupLayer, Lifecycle, Settings, Shutdown, background, resource};
use lifecycle_tests::harness::{Program, Signal, alone};
#[cfg(target_os = "linux")]
use lifecycle_tests::http::{get, own_address};
use lifecycle_tests::program;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tracing::info;

use self::log::{LOG, STUCK, log, place, place_of, span, spans, spans_of};

fn settings() -> Settings {
    LazyLock::force(&LOG);
    Settings::default().shutdown_timeout(Duration::from_secs(5))
}

fn one_thread(case: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(case);
}

fn two_threads(case: impl Future<Output = ()>) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(case);
}

struct Pool;

#[resource(name = "pool")]
impl Pool {
    async fn start() -> Self {
        info!("the pool connects");
        tokio::task::yield_now().await;
        info!("the pool has connected");
        Self
    }

    fn stop(&self) {
        info!("the pool closes");
    }
}

#[background(name = "poll")]
async fn poll(_pool: &Pool, shutdown: Shutdown) -> std::io::Result<()> {
    info!("the worker polls");
    shutdown.requested().await;
    info!("the worker ends");
    Ok(())
}

#[test]
fn events_of_a_hook_are_in_the_span_of_its_component_and_phase() {
    alone(|| {
        one_thread(async {
            let running = Lifecycle::builder()
                .settings(settings())
                .background_worker::<poll>()
                .start()
                .await
                .expect("it starts");
            let report = running.stop().await;
            assert!(report.is_clean(), "{report}");
            for (message, component, phase) in [
                ("the pool connects", "pool", "start"),
                ("the pool has connected", "pool", "start"),
                ("the pool closes", "pool", "stop"),
                ("the worker polls", "poll", "run"),
                ("the worker ends", "poll", "run"),
            ] {
                assert_eq!(place_of(message), place(component, phase), "{message}");
            }
            let fields = |component, phase| {
                let span = span(component, phase);
                assert!(span.get("elapsed_ms").is_some(), "{span:?}");
                assert!(span.get("elapsed").is_some(), "{span:?}");
                (
                    span.get("layer").map(str::to_owned),
                    span.get("error").map(str::to_owned),
                )
            };
            assert_eq!(fields("pool", "start"), (None, None));
            assert_eq!(fields("poll", "run"), (Some("safe".to_owned()), None));
            assert_eq!(fields("pool", "stop"), (Some("safe".to_owned()), None));
            assert_eq!(spans("pool").len() + spans("poll").len(), 3);
        })
    });
}

struct Flaky;

#[resource(name = "flaky", timeout = "50ms", retries = 1, backoff = "1ms")]
impl Flaky {
    async fn start() -> Result<Self, &'static str> {
        static TRIES: AtomicUsize = AtomicUsize::new(0);
        match TRIES.fetch_add(1, Ordering::SeqCst) {
            0 => Err("not yet"),
            _ => Ok(Self),
        }
    }

    async fn stop(&self) {
        std::future::pending::<()>().await;
    }

    fn emergency(&self) {
        info!("the last resort of the flaky one");
    }
}

struct Sour;

#[resource(name = "sour")]
impl Sour {
    async fn start(_flaky: &Flaky) -> Self {
        Self
    }

    async fn stop(&self) -> Result<(), &'static str> {
        Err("no way")
    }

    fn emergency(&self) {
        panic!("no way out");
    }
}

#[test]
fn a_span_has_the_error_and_the_layer() {
    alone(|| {
        one_thread(async {
            let running = Lifecycle::builder()
                .settings(settings())
                .resource::<Sour>()
                .start()
                .await
                .expect("it starts");
            let report = running.stop().await;
            // A cancelled stop may be dropped after the app has ended.
            while spans_of("flaky", "stop").is_empty() {
                tokio::task::yield_now().await;
            }
            let starts = spans_of("flaky", "start");
            let errors: Vec<_> = starts.iter().map(|span| span.get("error")).collect();
            assert_eq!(errors, [Some("not yet"), None], "one for each attempt");
            for (component, phase, layer, error) in [
                ("sour", "stop", "emergency", Some("no way")),
                (
                    "sour",
                    "emergency",
                    "emergency",
                    Some("its emergency hook panicked: no way out"),
                ),
                ("flaky", "stop", "timeout", Some("was cancelled")),
                ("flaky", "emergency", "emergency", None),
            ] {
                let span = span(component, phase);
                let said = (span.get("layer"), span.get("error"));
                assert_eq!(said, (Some(layer), error), "{component} {phase}: {report}");
            }
            assert_eq!(
                place_of("the last resort of the flaky one"),
                None,
                "nothing that a subscriber may hold up is around an emergency hook"
            );
        })
    });
}

#[background(name = "steady")]
async fn steady(exporter: Arc<Exporter>, shutdown: Shutdown) {
    shutdown.requested().await;
    drop(exporter);
}

#[background(name = "beat", every = "1ms", immediate)]
async fn beat(exporter: &Exporter) -> Result<(), &'static str> {
    exporter.beats.send_modify(|beats| *beats += 1);
    Err("arrhythmia")
}

struct Cache;

#[resource(name = "cache")]
impl Cache {
    async fn start(_exporter: &Exporter) -> Self {
        Self
    }

    async fn stop(&self) -> Result<(), &'static str> {
        Err("the emergency hook is closed, too")
    }

    fn emergency(&self) {}
}

/// A resource like an exporter of spans: it stops last, and looks at the closed spans.
struct Exporter {
    beats: watch::Sender<u32>,
    exported: watch::Sender<Vec<String>>,
}

#[resource(name = "exporter", order = 0)]
impl Exporter {
    async fn start() -> Self {
        Self {
            beats: watch::Sender::new(0),
            exported: watch::Sender::new(Vec::new()),
        }
    }

    async fn stop(&self) {
        let names = ["steady", "beat", "cache"].into_iter().flat_map(|name| {
            let ends = spans(name).into_iter();
            ends.map(move |span| format!("{name} {}", span.get("phase").unwrap_or_default()))
        });
        self.exported.send_replace(names.collect());
    }
}

#[test]
fn the_last_stop_finds_all_other_spans_closed() {
    alone(|| {
        two_threads(async {
            let running = Lifecycle::builder()
                .settings(settings())
                .background_worker::<steady>()
                .background_worker::<beat>()
                .resource::<Cache>()
                .start()
                .await
                .expect("it starts");
            let exporter = running.get::<Exporter>().expect("it is up");
            let mut beats = exporter.beats.subscribe();
            let beats = beats.wait_for(|beats| *beats >= 2).await;
            assert!(beats.is_ok_and(|beats| *beats >= 2));
            let exported = exporter.exported.subscribe();
            drop(exporter);
            let report = running.stop().await;
            let mut exported = exported.borrow().clone();
            exported.sort_unstable();
            exported.dedup();
            let all = [
                "beat run",
                "cache emergency",
                "cache start",
                "cache stop",
                "steady run",
            ];
            assert_eq!(exported, all, "{report}");
            let beats = spans_of("beat", "run");
            assert!(beats.len() >= 2, "one for each run: {beats:?}");
            assert!(
                beats
                    .iter()
                    .all(|beat| beat.get("error") == Some("arrhythmia"))
            );
        })
    });
}

struct StuckLog;

#[resource(name = "stuck_log", timeout = "50ms")]
impl StuckLog {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self) {}
}

#[test]
fn a_stuck_subscriber_times_out_one_hook_and_delays_no_other() {
    alone(|| {
        two_threads(async {
            let (go_on, may_go_on) = channel();
            *STUCK.lock().expect("no panic under the lock") = Some(may_go_on);
            let running = Lifecycle::builder()
                .settings(settings())
                .resource::<StuckLog>()
                .start()
                .await
                .expect("it starts");
            let report = running.stop().await;
            drop(go_on);
            let stuck = report.component("stuck_log").expect("it was up");
            assert_eq!(stuck.layer(), CleanupLayer::Timeout, "{report}");
        })
    });
}

struct BrokenLog;

#[resource(name = "broken_log")]
impl BrokenLog {
    async fn start() -> Self {
        Self
    }
}

#[test]
fn a_panic_of_the_subscriber_is_an_error_of_its_hook() {
    alone(|| {
        one_thread(async {
            let failed = Lifecycle::builder()
                .settings(settings())
                .resource::<BrokenLog>()
                .start()
                .await
                .expect_err("it has no span");
            assert!(
                failed
                    .to_string()
                    .contains("`broken_log` did not start: panicked: no room for a span"),
                "{failed}"
            );
        })
    });
}

/// A program that prints each span when it is closed.
fn with_spans(program: Program) -> Program {
    program.env("LOG", "lifecycle=debug").env("SPANS", "1")
}

#[test]
fn a_reload_and_the_body_of_main_have_spans() {
    let program = program!("reloads").launched_by(env!("CARGO_BIN_EXE_detached"));
    let mut run = with_spans(program).with("settings.reload=error").up();
    run.signal(Signal::HUP);
    run.until_stderr("reload{component=\"pool\" phase=\"reload\" elapsed_ms=");
    run.terminate();
    let end = run.end();
    end.expect_code(0);
    let failed = "error=\"settings.reload is broken\"";
    end.expect_line(&[
        "reload{component=\"settings\" phase=\"reload\"",
        failed,
        "close",
    ]);
    end.expect_line(&[
        "reload{component=\"pool\" phase=\"reload\" elapsed_ms=",
        "close",
    ]);
    end.expect_line(&[
        "run{component=\"main\" phase=\"run\"",
        "layer=\"safe\"",
        "close",
    ]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_health_check_has_a_span() {
    let address = own_address();
    let program = program!("probed").env("LIFECYCLE_ADMIN", address.to_string());
    let mut run = with_spans(program).up();
    get(address, "/healthz").expect(200, &["database"]);
    run.terminate();
    let end = run.end();
    end.expect_line(&[
        "DEBUG health{component=\"database\" phase=\"health\"",
        "close",
    ]);
}

#[test]
fn threads_that_must_not_wait_do_not_call_the_subscriber() {
    alone(|| {
        one_thread(async {
            let running = Lifecycle::builder()
                .settings(settings())
                .background("sit", |shutdown: Shutdown| async move {
                    shutdown.requested().await
                })
                .start()
                .await
                .expect("it starts");
            assert!(running.stop().await.is_clean());
            let log = log();
            assert!(!log.threads.is_empty());
            let driver = |thread: &&String| {
                *thread == "lifecycle" || thread.starts_with("lifecycle-emergency")
            };
            assert_eq!(log.threads.iter().find(driver), None);
        })
    });
}
