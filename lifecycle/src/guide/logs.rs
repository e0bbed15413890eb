//! Read the log events and spans of the framework, and flush your own telemetry after the last component has stopped.
//!
//! All events and spans use [`tracing`] with the target `lifecycle`. When standard error is a terminal and the feature
//! `console` is on, [progress lines](super::console) are shown instead. Without a subscriber and without a terminal,
//! only warnings, failures and components that did not stop cleanly are written to standard error.
//!
//! # Events
//!
//! | level | events |
//! | --- | --- |
//! | error | a start or a worker that failed, a component that did not stop cleanly, a forced shutdown |
//! | warn | a failed attempt that will be retried, an emergency hook that runs, a leaked lease, a warning about the configuration |
//! | info | started, running, stopping, draining, stopped and reloaded, with the fields `component`, `elapsed_ms` and `layer` |
//! | debug | a start or a stop that begins, an error that the shutdown caused |
//!
//! # Observers
//!
//! To ship what happens elsewhere, or to watch it in a test, add an observer. It gets the events that the log, the
//! console and the probes are made of, with their instants and in order, on a thread of its own:
//!
//! ```no_run
//! use lifecycle::{Event, EventKind, Setup, Shutdown};
//!
//! fn setup(setup: &mut Setup) {
//!     setup.observe(|event: &Event| {
//!         if let EventKind::Stopped { name, took, layer, .. } = event.kind() {
//!             eprintln!("{name} took {took:?}, {}", layer.as_str());
//!         }
//!     });
//! }
//!
//! #[lifecycle::main(init = setup)]
//! async fn main(shutdown: Shutdown) {
//!     shutdown.requested().await;
//! }
//! ```
//!
//! [`Event`](crate::Event) documents what is sent when. An observer that blocks or panics does not hold up the app.
//!
//! # Spans
//!
//! Each call of your code runs in a span, so that its log lines show the component:
//!
//! ```text
//! INFO start{component="database" phase="start"}: sqlx: connected
//! ```
//!
//! | span | level | covers |
//! | --- | --- | --- |
//! | `start` | info | one attempt of a `start` hook |
//! | `run` | info | one run of a worker, or the body of `main` |
//! | `reload` | info | a `reload` hook |
//! | `health` | debug | a `health` hook |
//! | `stop` | info | a `stop` hook |
//! | `emergency` | info | nothing: it is written after the emergency hook has ended |
//!
//! | field | value |
//! | --- | --- |
//! | `component`, `phase` | the component and the hook |
//! | `elapsed`, `elapsed_ms` | the duration, recorded when the span closes: readable, and as a number |
//! | `error` | the error, if the call failed |
//! | `layer` | the cleanup layer of a `stop`, or of a worker after a stop request: `safe`; `timeout` if it was cancelled, abandoned or late; `emergency` if the emergency hook must run |
//!
//! - A task that you spawn does not inherit the span. `.in_current_span()` makes it inherit the span, and keeps the
//!   span open until the task ends.
//! - The span of a worker covers its whole run. To make each message a trace of its own, create its span with
//!   `parent: None`. The filter `lifecycle=warn` disables all spans.
//! - An emergency hook runs without a subscriber, because the subscriber may be what hangs. Its span is empty, follows
//!   the hook, and records the duration. A forced shutdown writes no such spans.
//! - Without a subscriber no spans are created.
//!
//! # Telemetry
//!
//! Make the exporter of your spans a resource with the lowest order: it starts first and stops last. The spans of all
//! other `stop` hooks are closed by then, so the final flush includes them.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use lifecycle::{App, BoxError, Setup, Shutdown, resource};
//!
//! # struct Provider;
//! # impl Provider { fn new() -> Self { Self } fn shutdown(&self) -> Result<(), BoxError> { Ok(()) } }
//! struct Telemetry {
//!     // `SdkTracerProvider` of `opentelemetry_sdk`
//!     provider: Provider,
//! }
//!
//! #[resource(order = 0, timeout = "3s")]
//! impl Telemetry {
//!     fn start() -> Result<Self, BoxError> {
//!         let provider = Provider::new();
//!         // let spans = tracing_opentelemetry::layer().with_tracer(..);
//!         // tracing_subscriber::registry().with(spans).try_init()?;
//!         Ok(Self { provider })
//!     }
//!
//!     /// A plain `fn`, because the flush blocks.
//!     fn stop(&self) -> Result<(), BoxError> {
//!         self.provider.shutdown()
//!     }
//! }
//!
//! #[derive(App)]
//! struct Traced {
//!     telemetry: Arc<Telemetry>,
//! }
//!
//! /// Install a subscriber that needs no `stop` here, so that it records everything. The
//! /// guard of a buffered writer, such as that of `tracing_appender`, is dropped last, at exit.
//! fn setup(setup: &mut Setup) {
//!     # let guard = ();
//!     setup.flush_at_exit(guard);
//! }
//!
//! #[lifecycle::main(init = setup)]
//! async fn main(app: Traced, shutdown: Shutdown) {
//!     let _ = app.telemetry;
//!     shutdown.requested().await;
//! }
//! ```
//!
//! The complete program is [`telemetry.rs`] in the examples of the repository.
//!
//! [`tracing`]: https://docs.rs/tracing
//! [`telemetry.rs`]: https://github.com/lifecycle-rs/lifecycle/blob/main/examples/telemetry.rs
