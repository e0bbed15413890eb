//! Write the background work of an application: tasks, threads, periodic jobs and their restarts.
//!
//! A background worker is a function: an `async fn` runs as a task, and a plain `fn` runs on a thread of its own and
//! may block. It can take resources, its [`Shutdown`](crate::Shutdown), its [`Tasks`](crate::Tasks) and a
//! [`Ready`](crate::Ready) as parameters. When its `Shutdown` is requested, it finishes what it is doing and returns.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use lifecycle::{App, Ready, Shutdown, background, resource};
//!
//! struct Queue;
//!
//! #[resource]
//! impl Queue {
//!     async fn start() -> Self {
//!         Self
//!     }
//! }
//!
//! impl Queue {
//!     async fn next(&self) -> std::io::Result<String> {
//!         std::future::pending().await
//!     }
//! }
//!
//! /// `run` drops its future when stop is requested. That is correct for cancel-safe
//! /// futures, such as waiting for the next job; the job itself is not interrupted.
//! #[background(timeout = "20s", restart = "on_failure")]
//! async fn consume(queue: &Queue, ready: Ready, shutdown: Shutdown) -> std::io::Result<()> {
//!     // `main` starts, and the application becomes ready, after this call. A worker without
//!     // a `Ready` parameter counts as started after its first poll.
//!     ready.set();
//!     while let Some(job) = shutdown.run(queue.next()).await {
//!         let _job = job?;
//!     }
//!     Ok(())
//! }
//!
//! /// A plain `fn` may block: it has a thread of its own.
//! #[background]
//! fn compact(queue: Arc<Queue>, shutdown: Shutdown) {
//!     while !shutdown.blocking_sleep(Duration::from_secs(60)).is_interrupted() {
//!         let _ = &queue;
//!     }
//! }
//!
//! /// The next run starts one minute after the previous one has ended.
//! #[background(every = "60s", run_timeout = "30s", max_failures = 3)]
//! async fn expire(queue: &Queue) -> std::io::Result<()> {
//!     let _ = queue;
//!     Ok(())
//! }
//!
//! #[derive(App)]
//! #[app(background = [consume, compact, expire])]
//! struct Jobs {}
//!
//! #[lifecycle::main]
//! async fn main(_app: Jobs, shutdown: Shutdown) {
//!     shutdown.requested().await;
//! }
//! ```
//!
//! # When a worker ends before shutdown is requested
//!
//! | event | default | alternatives |
//! | --- | --- | --- |
//! | the worker returns `Ok` | it is finished, and the application continues | `on_finish = "shutdown"`, `restart = "always"` |
//! | the worker returns an error or panics | the application stops with exit code 1 | `restart = "on_failure"`, `on_failure = "ignore"` |
//! | the worker ends after 5 restarts within 60 s | it has failed, and is not restarted | `max_restarts`, `within` |
//!
//! By design, a failed worker stops the application. A process that answers probes but does no work is worse than a
//! process that a supervisor restarts. The delay before a restart starts at `backoff` (500 ms), doubles up to 30 s, and
//! has jitter. The tasks of the previous run have ended before the next run begins.
//!
//! A periodic worker is different: a failed run is logged, and the next run starts on schedule. Only `max_failures`
//! failed runs in a row count as a failure of the worker. On shutdown, a run in progress is awaited within the worker's
//! timeout, and no further run starts.
//!
//! # Loops that end
//!
//! | to wait | write |
//! | --- | --- |
//! | for a duration | `while !shutdown.sleep(time).await.is_interrupted() { .. }` |
//! | for a cancel-safe future, such as the next job | `while let Some(next) = shutdown.run(source.next()).await { .. }` |
//! | for several futures | `tokio::select!` with `shutdown.requested()` as one branch |
//! | on a thread | [`blocking_sleep`](crate::Shutdown::blocking_sleep), [`blocking_requested`](crate::Shutdown::blocking_requested), [`is_requested`](crate::Shutdown::is_requested) |
//!
//! A worker that never looks at its `Shutdown` runs until its timeout. Then the task is cancelled, or the thread is
//! abandoned, and the exit code of the process is 3.
//!
//! # Tasks
//!
//! A task that a worker spawns with `tokio::spawn` is not tracked: when the runtime shuts down, the task is dropped
//! wherever it is. A task spawned with [`Tasks`](crate::Tasks) is asked to stop together with its worker and awaited
//! within the worker's timeout, then cancelled. A task that does not end even then is listed in the report.
