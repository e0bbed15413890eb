//! Finish the work that is in flight when the application stops: requests, jobs, tasks and leases.
//!
//! # Phases of a shutdown
//!
//! 1. **Not ready.** The deadline is fixed, `/readyz` answers 503, and systemd is notified. During the `lame_duck`, the
//!    application serves as before while load balancers remove it. Ctrl+C skips the lame duck, as does a stop during
//!    startup.
//! 2. **Drain.** Admission closes. `main` and the workers without an order are asked to stop together. Workers with an
//!    order follow, highest order first; a group is asked to stop when the group above it has ended. Admitted work is
//!    awaited.
//! 3. **Stop.** Each resource stops when every component that depends on it has ended.
//! 4. **Report.** The report lists the outcome of each component, work that was aborted, leaked leases, and the exit
//!    code.
//!
//! # Which work is awaited
//!
//! | kind of work | how it is tracked |
//! | --- | --- |
//! | background workers | automatically |
//! | HTTP requests, including bodies and upgrades | [`http::serve`](crate::http::serve()) or [`DrainLayer`](crate::http::DrainLayer), feature `axum` |
//! | streams | [`.interruptible(&shutdown)`](crate::InterruptibleStream), feature `stream` |
//! | tasks | [`Shutdown::tasks`](crate::Shutdown::tasks), or a [`Tasks`](crate::Tasks) parameter |
//! | any other unit of work | [`Shutdown::admit`](crate::Shutdown::admit): hold the returned [`InFlight`](crate::InFlight) until the work is done |
//!
//! Admitting work and closing admission are atomic with respect to each other. Admitted work is awaited; a later call
//! of `admit` returns [`Draining`](crate::Draining), and its caller can reject the work. No unit of work is missed.
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
//!     /// No component that could lend a slot is running any more. Wait until the
//!     /// outstanding slots are returned, or until the 5 s have passed.
//!     async fn stop(&self) {
//!         self.leases.returned().await;
//!     }
//!
//!     /// Lets the report list each leaked lease, with the file and line that acquired it.
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
//! /// One unit of work of a custom protocol.
//! async fn handle(gpu: Arc<Gpu>, shutdown: &Shutdown) -> Result<(), Draining> {
//!     let _in_flight = shutdown.admit()?;
//!     let _slot = gpu.slot();
//!     Ok(())
//! }
//!
//! # struct Job;
//! # impl Job { async fn work(&mut self) {} async fn put_back(self) {} }
//! # async fn next_job() -> Job { std::future::pending().await }
//! /// Finishes each job if there is enough time. When only 2 s remain, it returns the job to
//! /// the queue.
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
//! # Errors caused by the shutdown
//!
//! A worker or a task that was asked to stop may fail because its peer has disconnected: connection reset, broken pipe,
//! unexpected end of file, a cancelled task, or [`Draining`](crate::Draining). Such an error counts as a clean end and
//! is logged at debug level. For the `stop` of a resource, you declare such errors yourself with
//! `fn expects(&self, error: &E) -> bool`, often by calling [`is_disconnect`](crate::is_disconnect).
//!
//! # What a graceful shutdown cannot protect
//!
//! SIGKILL and a power failure run no cleanup. Save partial results as they are produced, let the claim on a job expire
//! so that another process can take the job, and recover at the next start.
