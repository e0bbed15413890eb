//! Work that is under way when the app stops.
//!
//! # The order of events
//!
//! 1. **Not ready.** The deadline is fixed, `/readyz` says 503, systemd is told. For the time of the `lame_duck` everything
//!    is served as before, while load balancers look away. It is skipped for Ctrl+C.
//! 2. **Drain.** Nothing new is admitted. `main` and the workers without an order are told to stop, then those with one,
//!    highest first, each group when the one above has ended. What was admitted is awaited.
//! 3. **Stop.** Each resource, when all that took it have ended.
//! 4. **Report.** What happened, what was cut, what leaked, and the exit code.
//!
//! # What is awaited
//!
//! | kind of work | how the drain knows of it |
//! | --- | --- |
//! | a worker | always |
//! | HTTP requests, their bodies and upgrades | [`http::serve`](crate::http::serve()) or [`DrainLayer`](crate::http::DrainLayer), feature `axum` |
//! | streams | [`.interruptible(&shutdown)`](crate::InterruptibleStream), feature `stream` |
//! | tasks | [`Shutdown::tasks`](crate::Shutdown::tasks), [`Tasks`](crate::Tasks) |
//! | anything else | [`Shutdown::admit`](crate::Shutdown::admit): hold the [`InFlight`](crate::InFlight) until it is done |
//!
//! To admit and to close are one atomic step. What was admitted is awaited; what comes later gets
//! [`Draining`](crate::Draining) and can be turned away. Nothing falls in between.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use lifecycle::{App, Draining, Lease, Leases, Shutdown, background, resource};
//!
//! struct Gpu {
//!     leases: Leases,
//! }
//!
//! #[resource(timeout = "5s")]
//! impl Gpu {
//!     fn start() -> Self {
//!         Self { leases: Leases::new() }
//!     }
//!
//!     /// Who could ask for a slot has ended. What is still out comes back, or the time is
//!     /// over.
//!     async fn stop(&self) {
//!         self.leases.returned().await;
//!     }
//!
//!     /// For the report: a lease that never came back is named by file and line.
//!     fn in_use(&self) -> usize {
//!         self.leases.count()
//!     }
//! }
//!
//! impl Gpu {
//!     #[track_caller]
//!     fn slot(&self) -> Lease {
//!         self.leases.lend(())
//!     }
//! }
//!
//! /// Called by a protocol of your own: one unit of work.
//! async fn handle(gpu: Arc<Gpu>, shutdown: &Shutdown) -> Result<(), Draining> {
//!     let _in_flight = shutdown.admit()?;
//!     let _slot = gpu.slot();
//!     Ok(())
//! }
//!
//! # struct Job;
//! # impl Job { async fn work(&mut self) {} async fn put_back(self) {} }
//! # async fn next_job() -> Job { std::future::pending().await }
//! /// A job is finished if there is time, and put back if there is not: the last 2 s are
//! /// for that.
//! #[background(timeout = "60s")]
//! async fn work_jobs(gpu: Arc<Gpu>, shutdown: Shutdown) -> Result<(), Draining> {
//!     while let Some(mut job) = shutdown.run(next_job()).await {
//!         handle(Arc::clone(&gpu), &shutdown).await?;
//!         let finished = tokio::select! {
//!             () = job.work() => true,
//!             () = shutdown.deadline_within(Duration::from_secs(2)) => false,
//!         };
//!         if !finished {
//!             job.put_back().await;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! #[derive(App)]
//! #[app(shutdown_timeout = "90s", background = [work_jobs])]
//! struct Farm {}
//!
//! #[lifecycle::main]
//! async fn main(_app: Farm, shutdown: Shutdown) {
//!     shutdown.requested().await;
//! }
//! ```
//!
//! # Errors that the end provokes
//!
//! A worker or a task that was told to stop may fail because the other side has gone: connection reset, broken pipe,
//! unexpected end of file, a cancelled task, [`Draining`](crate::Draining). That is clean, and logged at debug level. For
//! the `stop` of a resource you say so yourself: `fn expects(&self, error: &E) -> bool`, often with
//! [`is_disconnect`](crate::is_disconnect).
//!
//! # What must survive
//!
//! SIGKILL and a power failure leave no time for anything. Save partial results as they come, make jobs leases with a time,
//! and recover at the next start. The drain makes the ordinary end a good one; it cannot make the extraordinary one good.
