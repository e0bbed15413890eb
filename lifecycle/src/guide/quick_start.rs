//! Write a complete application in one file, run it, and look at its plan.
//!
//! ```toml
//! [dependencies]
//! lifecycle = { git = "https://github.com/lifecycle-rs/lifecycle" }
//! ```
//!
//! You annotate three kinds of items: what the application *has* (resources), what it *does* (background workers), and
//! the application itself.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use lifecycle::{App, Shutdown, background, resource};
//!
//! struct Database { /* a pool */ }
//!
//! #[resource(order = 1, timeout = "5s")]
//! impl Database {
//!     /// Required. Runs once. A component that takes `&Database` or `Arc<Database>` as a
//!     /// parameter receives the returned value.
//!     async fn start() -> std::io::Result<Self> {
//!         Ok(Self {})
//!     }
//!
//!     /// Runs once, after every component that uses the database has ended. It has 5 s.
//!     async fn stop(&self) -> std::io::Result<()> {
//!         Ok(())
//!     }
//!
//!     /// Runs only when `stop` fails, panics or takes longer than 5 s. Synchronous; do as
//!     /// little as possible here.
//!     fn emergency(&self) {}
//! }
//!
//! #[background(timeout = "2s")]
//! async fn poll(database: &Database, shutdown: Shutdown) {
//!     let _ = database;
//!     while !shutdown.sleep(Duration::from_secs(10)).await.is_interrupted() {
//!         // Fetch work and do it.
//!     }
//! }
//!
//! /// The application: the resources that `main` uses, and the workers that the compiler
//! /// checks together with them.
//! #[derive(App)]
//! #[app(shutdown_timeout = "30s", background = [poll])]
//! struct Poller {
//!     database: Arc<Database>,
//! }
//!
//! /// The body starts last and is asked to stop first.
//! #[lifecycle::main]
//! async fn main(app: Poller, shutdown: Shutdown) {
//!     let _ = app.database;
//!     shutdown.requested().await;
//! }
//! ```
//!
//! # What happens
//!
//! 1. At compile time, the macros check that each component starts after the components it needs, and that the shutdown
//!    fits into 30 s.
//! 2. At startup, the database starts, then the worker, then the body of `main`.
//! 3. On Ctrl+C or SIGTERM, the deadline is fixed. `main` and the worker are asked to stop and awaited, then the
//!    database stops. The exit code is 0.
//! 4. On a second Ctrl+C, nothing is awaited any more: the `emergency` hooks of the resources that are still up run,
//!    and the process exits with code 130.
//! 5. If any of this hangs, the process still ends at the deadline, after 30 s.
//!
//! A hook is either an `async fn`, which runs on the runtime of the application, or a plain `fn`, which runs on a
//! thread of its own and may block. The attributes do not change your code: a test can call `Database::start` like any
//! other function.
//!
//! # Inspect the plan
//!
//! `LIFECYCLE_PRINT=plan cargo run` prints what would start and stop, and starts nothing:
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
//! Next: [ordering](super::ordering), [timeouts](super::timeouts), [background workers](super::workers).
