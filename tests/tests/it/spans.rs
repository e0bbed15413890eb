//! The spans around calls of user code, as a subscriber sees them.
//!
//! The subscriber is the global one, because the threads of hooks need it, too. Therefore each of these tests is a process
//! of its own.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lifecycle::{Layer, Lifecycle, Settings, Shutdown, background, resource};
use lifecycle_tests::harness::{Program, Signal, alone};
#[cfg(target_os = "linux")]
use lifecycle_tests::http::{get, own_address};
use lifecycle_tests::program;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber, info};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// The recorded fields of a span or an event.
#[derive(Debug, Clone, Default)]
struct Fields(HashMap<&'static str, String>);

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

#[derive(Debug, Default)]
struct Log {
    /// In the order in which they were closed.
    spans: Vec<Fields>,
    /// The message of an event, with the spans around it.
    events: Vec<(String, Vec<Fields>)>,
    /// The threads on which spans were created, entered or closed.
    threads: Vec<String>,
}

static LOG: LazyLock<Mutex<Log>> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::registry().with(Recorder);
    tracing::subscriber::set_global_default(subscriber).expect("it is the first");
    Mutex::default()
});

/// Creating the span of the stop of `stuck_log` blocks until the other end of this is dropped.
static STUCK: Mutex<Option<Receiver<()>>> = Mutex::new(None);

fn log() -> MutexGuard<'static, Log> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The closed spans of a component.
fn spans(component: &str) -> Vec<Fields> {
    let log = log();
    let own = |span: &&Fields| span.get("component") == Some(component);
    log.spans.iter().filter(own).cloned().collect()
}

/// The closed spans of a component in one phase.
fn spans_of(component: &str, phase: &str) -> Vec<Fields> {
    let mut spans = spans(component);
    spans.retain(|span| span.get("phase") == Some(phase));
    spans
}

/// The only span of a component in one phase.
#[track_caller]
fn span(component: &str, phase: &str) -> Fields {
    let spans = spans_of(component, phase);
    let [span] = spans.as_slice() else {
        panic!("one span of `{component}` and {phase}: {spans:#?}");
    };
    span.clone()
}

/// Component and phase of the span around an event.
fn place_of(message: &str) -> Option<(String, String)> {
    let log = log();
    let (_, spans) = log.events.iter().find(|(said, _)| said == message)?;
    let span = spans.last()?;
    Some((
        span.get("component")?.to_owned(),
        span.get("phase")?.to_owned(),
    ))
}

fn place(component: &str, phase: &str) -> Option<(String, String)> {
    Some((component.to_owned(), phase.to_owned()))
}

struct Recorder;

impl Recorder {
    fn at(thread: &str) {
        log().threads.push(thread.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != "lifecycle" {
            return;
        }
        Self::at(std::thread::current().name().unwrap_or_default());
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let component = fields.get("component").unwrap_or_default();
        if component == "stuck_log" && fields.get("phase") == Some("stop") {
            let stuck = STUCK.lock().expect("no panic under the lock").take();
            // With a limit, so that a test in which this blocks other hooks fails instead of hanging.
            let _ = stuck
                .expect("it is stopped once")
                .recv_timeout(Duration::from_secs(20));
        }
        assert!(component != "broken_log", "no room for a span");
        let span = context.span(id).expect("it is new");
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("it is open");
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = context.event_scope(event).into_iter().flatten();
        let spans = scope
            .filter_map(|span| span.extensions().get::<Fields>().cloned())
            .collect();
        let message = fields.get("message").unwrap_or_default().to_owned();
        log().events.push((message, spans));
    }

    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        Self::at(std::thread::current().name().unwrap_or_default());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("it is being closed");
        if let Some(fields) = span.extensions_mut().remove::<Fields>() {
            Self::at(std::thread::current().name().unwrap_or_default());
            log().spans.push(fields);
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

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
                .worker::<poll>()
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
                .worker::<steady>()
                .worker::<beat>()
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
            assert_eq!(stuck.layer(), Layer::Timeout, "{report}");
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
    let mut run = with_spans(program).with("settings.reload=error").start();
    run.until("main");
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
    let mut run = with_spans(program).start();
    run.until("main");
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
