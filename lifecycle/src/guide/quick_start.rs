//! An app in one file, and what it does when it is run.
//!
//! ```toml
//! [dependencies]
//! lifecycle = "0.1"
//! ```
//!
//! Three things are annotated: what the app *has*, what it *does*, and the app itself.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use lifecycle::{App, Shutdown, background, resource};
//!
//! /// What the app has is a resource.
//! struct Database { /* a pool */ }
//!
//! #[resource(order = 1, timeout = "5s")]
//! impl Database {
//!     /// Required. Runs once; what it returns is handed to whoever takes a `&Database` or
//!     /// an `Arc<Database>`.
//!     async fn start() -> std::io::Result<Self> {
//!         Ok(Self {})
//!     }
//!
//!     /// Runs once, after everyone who took the database has ended. It has 5 s.
//!     async fn stop(&self) -> std::io::Result<()> {
//!         Ok(())
//!     }
//!
//!     /// The last resort, when `stop` failed, panicked or took longer. Synchronous, and
//!     /// as little as possible.
//!     fn emergency(&self) {}
//! }
//!
//! /// What the app does is a worker.
//! #[background(timeout = "2s")]
//! async fn poll(database: &Database, shutdown: Shutdown) {
//!     let _ = database;
//!     while !shutdown.sleep(Duration::from_secs(10)).await.is_interrupted() {
//!         // ask for work, do it
//!     }
//! }
//!
//! /// The app: what `main` wants handed to it, and the workers that are proved with it.
//! #[derive(App)]
//! #[app(shutdown_timeout = "30s", background = [poll])]
//! struct Poller {
//!     database: Arc<Database>,
//! }
//!
//! /// The last thing to start, and the first to be told to stop. Without anything to do it
//! /// waits.
//! #[lifecycle::main]
//! async fn main(app: Poller, shutdown: Shutdown) {
//!     let _ = app.database;
//!     shutdown.requested().await;
//! }
//! ```
//!
//! # What happens
//!
//! 1. The compiler has proved that nothing is started before what it needs, and that the end fits into 30 s.
//! 2. The database starts, then the worker, then `main`.
//! 3. Ctrl+C, or SIGTERM: the deadline is fixed. `main` and the worker are told to stop and awaited. Then the database is
//!    stopped. The exit code is 0.
//! 4. A second Ctrl+C: nothing is awaited any more, and what is up gets its `emergency`. The exit code is 130.
//! 5. Whatever hangs, the process is gone after 30 s.
//!
//! A hook is an `async fn`, which runs on the app's runtime, or a plain `fn`, which may block: it has a thread of its own.
//! The attributes leave your code as it is. `Database::start` can be called in a test like any function.
//!
//! # Look at it first
//!
//! `LIFECYCLE_PRINT=plan cargo run` starts nothing and shows what would happen:
//!
//! ```text
//! Poller: 1 resource, 1 worker
//!
//! Start, 5m at most: top down, each as soon as what it needs is up. Stop: bottom up.
//!
//!                         start  stop       else       needs
//! 1 ┬ Database (order 1)  1m     5s         emergency
//! 2 ┬ poll                1m     2s         cancel     Database
//! 3 ┬ main                       the drain  cancel     Database
//! ```
//!
//! Next: [ordering](super::ordering), [timeouts](super::timeouts), [workers](super::workers).
