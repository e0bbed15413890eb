//! Test an application as a whole, including how it stops.
//!
//! Hooks and workers are ordinary functions. Most tests call them directly and do not need the framework. For tests of
//! the whole application, use:
//!
//! | to test | use |
//! | --- | --- |
//! | code that needs started components | [`#[lifecycle::test]`](macro@crate::test) |
//! | how the application stops, or that it does not start | [`Lifecycle::builder`](crate::Lifecycle::builder) and the [`Report`](crate::Report) |
//! | work that takes hours | `start_paused = true`, feature `test-util` |
//! | the real binary under faults | `LIFECYCLE_DRILL`, feature `drill` |
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use lifecycle::{App, CleanupLayer, Lifecycle, Settings, Shutdown, resource};
//!
//! trait Mailer: Send + Sync {
//!     fn send(&self, to: &str);
//! }
//!
//! struct Smtp;
//!
//! #[resource(as = dyn Mailer)]
//! impl Smtp {
//!     async fn start() -> std::io::Result<Self> {
//!         Err(std::io::Error::other("no test may send mail"))
//!     }
//! }
//!
//! impl Mailer for Smtp {
//!     fn send(&self, _to: &str) {}
//! }
//!
//! struct Outbox {
//!     mailer: Arc<dyn Mailer>,
//! }
//!
//! #[resource(timeout = "50ms")]
//! impl Outbox {
//!     async fn start(mailer: Arc<dyn Mailer>) -> Self {
//!         Self { mailer }
//!     }
//!
//!     /// Hangs on purpose: the second test detects it.
//!     async fn stop(&self) {
//!         self.mailer.send("operators@example.com");
//!         std::future::pending().await
//!     }
//! }
//!
//! #[derive(App)]
//! struct Mail {
//!     outbox: Arc<Outbox>,
//! }
//!
//! /// Replaces `Smtp` in tests.
//! struct Discard;
//!
//! impl Mailer for Discard {
//!     fn send(&self, _to: &str) {}
//! }
//!
//! /// The body takes the place of `main`. The test fails if the application does not start,
//! /// or does not stop cleanly.
//! #[lifecycle::test(provide = [Arc::new(Discard) as Arc<dyn Mailer>])]
//! async fn mail_goes_out(app: Mail, shutdown: Shutdown) {
//!     app.outbox.mailer.send("customer@example.com");
//!     assert!(!shutdown.is_requested());
//! }
//!
//! /// A test of the shutdown, with `#[tokio::test]` added. The builder reads no environment
//! /// variables and handles no signals.
//! async fn the_outbox_hangs() {
//!     let running = Lifecycle::builder()
//!         .app::<Mail>()
//!         .provide(Arc::new(Discard) as Arc<dyn Mailer>)
//!         .settings(Settings::default().shutdown_timeout(Duration::from_secs(10)))
//!         .start()
//!         .await
//!         .expect("starts");
//!     let report = running.stop().await;
//!     assert!(!report.is_clean());
//!     let outbox = report.component("Outbox").expect("was started");
//!     assert_eq!(outbox.layer(), CleanupLayer::Timeout, "{report}");
//! }
//! # #[tokio::main(flavor = "current_thread")] async fn main() { the_outbox_hangs().await }
//! ```
//!
//! A provided value replaces the resource that is bound `as` its trait, or the resource of its own type. The replaced
//! resource does not start, and neither do resources that only it needs. A test runs only the workers in the app's
//! `background` list, not all workers in the binary.
//!
//! # Paused clock
//!
//! `#[lifecycle::test(start_paused = true)]` runs the application on tokio's paused clock, which jumps to the next
//! timer when there is nothing else to do. In a test that sleeps for four hours and one minute, a worker with
//! `every = "1h"` runs four times. A `stop` that hangs is cancelled without a real wait. While a synchronous hook runs
//! on its thread, the clock does not advance.
//!
//! # Drills
//!
//! A binary that is built with the feature `drill` can rehearse faults with its real database and its real
//! configuration:
//!
//! ```sh
//! LIFECYCLE_DRILL=stop ./app                                # start, stop, print the report
//! LIFECYCLE_DRILL="database.stop=hang, signal=twice" ./app  # a `stop` that hangs, then a forced stop
//! ```
//!
//! The exit code is the same as for a real run with these faults. The module [`drill`](crate::plan::drill) lists the
//! faults and signals.
