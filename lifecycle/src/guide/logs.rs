//! The log, spans, and telemetry that is flushed last.
//!
//! Everything goes through [`tracing`], target `lifecycle`. Where standard error is a terminal and the feature `console` is
//! on, a person sees [live lines](super::console) instead. Without a subscriber, and without a terminal, only what somebody must know goes to
//! standard error: warnings, failures, whatever did not stop clean.
//!
//! # Events
//!
//! | level | what |
//! | --- | --- |
//! | error | a start or a worker failed; a component did not stop clean; the end was forced |
//! | warn | a try that failed and is repeated; an emergency hook; a leak; the configuration |
//! | info | started, running, stopping, draining, stopped, reloaded, with `component`, `elapsed_ms`, `layer` |
//! | debug | what is about to start or stop; errors that the end provokes |
//!
//! # Spans
//!
//! Each call of your code is within a span, so that whatever it logs says whose it is:
//!
//! ```text
//! INFO start{component="database" phase="start"}: sqlx: connected
//! ```
//!
//! | span | level | around |
//! | --- | --- | --- |
//! | `start` | info | each attempt of a `start` |
//! | `run` | info | a worker: each run of it; the body of `main` |
//! | `reload` | info | a `reload` |
//! | `health` | debug | a `health` |
//! | `stop` | info | a `stop` |
//! | `emergency` | info | nothing: it is written when the hook is over |
//!
//! | field | says |
//! | --- | --- |
//! | `component`, `phase` | which call of whose code |
//! | `elapsed`, `elapsed_ms` | how long it took, at its end: for people, and as a number |
//! | `error` | why it gave nothing |
//! | `layer` | of a `stop`, and of a worker that was told to stop: `safe`; `timeout` where it was cut or came too late; `emergency` where the emergency hook is due |
//!
//! - A task that you spawn is outside of the span, as tokio has it. `.in_current_span()` takes it along, and keeps the span
//!   open for as long.
//! - The span of a worker lasts as long as its run. Where each message should be a trace of its own, make its span with
//!   `parent: None`. `lifecycle=warn` in a filter leaves out all spans.
//! - An emergency hook has to do without a subscriber, which may be what hangs. Its span is empty, comes right after it and
//!   says how long it took. On the forced path, when everything is cut, there are none.
//! - Nothing is made where nobody subscribes.
//!
//! # Telemetry
//!
//! What exports spans is itself a resource, of the lowest order: it starts first, and stops when everything else has. The
//! spans of all other stops are closed by then, so that its flush has them.
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
//!     /// A plain `fn`: it blocks.
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
//! /// A subscriber that needs no stop is installed here: it sees the whole life. The guard
//! /// of a buffered writer, as `tracing_appender` has one, is dropped last of all.
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
//! The whole program is [`telemetry.rs`] in the repository's examples.
//!
//! [`tracing`]: https://docs.rs/tracing
//! [`telemetry.rs`]: https://github.com/lifecycle-rs/lifecycle/blob/main/examples/telemetry.rs
