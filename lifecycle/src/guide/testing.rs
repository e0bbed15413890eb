//! Tests of an app, and of how it ends.
//!
//! Hooks and workers are plain functions: most tests call them and know nothing of this crate. What is left is the app as a
//! whole.
//!
//! | to test | use |
//! | --- | --- |
//! | something in a started app | [`#[lifecycle::test]`](macro@crate::test) |
//! | how an app ends, or that it does not start | [`Lifecycle::builder`](crate::Lifecycle::builder) and the [`Report`](crate::Report) |
//! | what takes hours | `start_paused = true`, feature `test-util` |
//! | the real binary on a bad day | `LIFECYCLE_DRILL`, feature `drill` |
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
//!     /// It hangs: a test should find that.
//!     async fn stop(&self) {
//!         self.mailer.send("everyone");
//!         std::future::pending().await
//!     }
//! }
//!
//! #[derive(App)]
//! struct Mail {
//!     outbox: Arc<Outbox>,
//! }
//!
//! /// Stands for the real one.
//! struct Nowhere;
//!
//! impl Mailer for Nowhere {
//!     fn send(&self, _to: &str) {}
//! }
//!
//! /// The body is the app's `main`. The test fails when the app does not start, and when
//! /// it does not end clean.
//! #[lifecycle::test(provide = [Arc::new(Nowhere) as Arc<dyn Mailer>])]
//! async fn mail_goes_out(app: Mail, shutdown: Shutdown) {
//!     app.outbox.mailer.send("somebody");
//!     assert!(!shutdown.is_requested());
//! }
//!
//! /// With `#[tokio::test]` on it, this is a test of the end. Nothing is read from the
//! /// environment, no signal is handled.
//! async fn the_outbox_hangs() {
//!     let running = Lifecycle::builder()
//!         .app::<Mail>()
//!         .provide(Arc::new(Nowhere) as Arc<dyn Mailer>)
//!         .settings(Settings::default().shutdown_timeout(Duration::from_secs(10)))
//!         .start()
//!         .await
//!         .expect("it starts");
//!     let report = running.stop().await;
//!     assert!(!report.is_clean());
//!     let outbox = report.component("Outbox").expect("it was up");
//!     assert_eq!(outbox.layer(), CleanupLayer::Timeout, "{report}");
//! }
//! # #[tokio::main(flavor = "current_thread")] async fn main() { the_outbox_hangs().await }
//! ```
//!
//! What is provided stands for whatever is bound `as` its trait, and for the type itself: the real one is not started, and
//! neither is what only it needs. Of the workers in the binary only those of the app's `background` list run in a test.
//!
//! # On a paused clock
//!
//! `#[lifecycle::test(start_paused = true)]` starts the app on tokio's paused clock: it jumps to the next timer as soon as
//! nothing else is to be done. A worker with `every = "1h"` runs four times while the test sleeps for four hours and a
//! minute, and a stop that hangs is cut at once. HookThreads of synchronous hooks hold the clock while they work.
//!
//! # The bad day
//!
//! A program that is built with the feature `drill` rehearses it, with its real database and its real configuration:
//!
//! ```sh
//! LIFECYCLE_DRILL=stop ./app                                # start, stop, report
//! LIFECYCLE_DRILL="database.stop=hang, signal=twice" ./app  # and when that hangs
//! ```
//!
//! The exit code is that of the life it led. The module [`drill`](crate::plan::drill) lists what can go wrong.
