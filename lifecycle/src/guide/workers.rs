//! What the app does until it is told to stop.
//!
//! A worker is a function: an `async fn` is a task, a plain `fn` has a thread of its own and may block. It takes resources,
//! its [`Shutdown`](crate::Shutdown), [`Tasks`](crate::Tasks), and [`Ready`](crate::Ready). Told to stop, it returns.
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
//! /// `run` drops the future when the app stops: for what is cancel safe, such as waiting
//! /// for the next job. The job itself is not interrupted.
//! #[background(timeout = "20s", restart = "on_failure")]
//! async fn consume(queue: &Queue, ready: Ready, shutdown: Shutdown) -> std::io::Result<()> {
//!     // `main` begins, and the app is ready, once this is called. Without a `Ready` it is
//!     // the first poll that counts.
//!     ready.set();
//!     while let Some(job) = shutdown.run(queue.next()).await {
//!         let _job = job?;
//!     }
//!     Ok(())
//! }
//!
//! /// Blocks its thread, and nobody else's.
//! #[background]
//! fn compact(queue: Arc<Queue>, shutdown: Shutdown) {
//!     while !shutdown.blocking_sleep(Duration::from_secs(60)).is_interrupted() {
//!         let _ = &queue;
//!     }
//! }
//!
//! /// Runs again a minute after a run has ended.
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
//! # When one ends by itself
//!
//! | what | by default | otherwise |
//! | --- | --- | --- |
//! | it returned `Ok` | it is done, the app goes on | `on_finish = "shutdown"`; `restart = "always"` |
//! | it failed or panicked | the app stops, exit code 1 | `restart = "on_failure"`; `on_failure = "ignore"` |
//! | it was restarted 5 times within 60 s | it has failed | `max_restarts`, `within` |
//!
//! That a failed worker takes the app down is on purpose: a service that answers probes and does no work is worse than one
//! that is started again. Delays between restarts double from `backoff`, 500 ms, up to 30 s, with jitter. Before a run
//! begins, the tasks of the one before have ended.
//!
//! A periodic worker is another matter. A run that fails is logged, and the next one comes; `max_failures` in a row are a
//! failure. The app stops between runs: one that is under way is awaited, within the worker's time.
//!
//! # Loops that end
//!
//! | to wait | write |
//! | --- | --- |
//! | for a while | `while !shutdown.sleep(time).await.is_interrupted() { .. }` |
//! | for something, and drop it | `while let Some(next) = shutdown.run(source.next()).await { .. }` |
//! | for several things | `tokio::select!` with `shutdown.requested()` as one of them |
//! | on a thread | [`blocking_sleep`](crate::Shutdown::blocking_sleep), [`blocking_requested`](crate::Shutdown::blocking_requested), [`is_requested`](crate::Shutdown::is_requested) |
//!
//! A worker that is not told is a worker that is cut: what does not look at its `Shutdown` is dropped at its timeout, which
//! makes the exit code 3.
//!
//! # Tasks
//!
//! What a worker spawns with `tokio::spawn` is nobody's: at the end it is dropped in the middle. What it spawns with its
//! [`Tasks`](crate::Tasks) is awaited within its time, then cancelled, and named in the report if it does not end even then.
