//! From a `select!` by hand.
//!
//! Most services begin like this:
//!
//! ```no_run
//! # struct Pool;
//! # impl Pool { async fn connect() -> std::io::Result<Self> { Ok(Self) } async fn close(&self) {} }
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use tokio_util::sync::CancellationToken;
//! use tokio_util::task::TaskTracker;
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let pool = Arc::new(Pool::connect().await?);
//!     let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
//!     tasks.spawn(consume(Arc::clone(&pool), stop.clone()));
//!
//!     tokio::signal::ctrl_c().await?;
//!
//!     stop.cancel();
//!     tasks.close();
//!     if tokio::time::timeout(Duration::from_secs(10), tasks.wait()).await.is_err() {
//!         eprintln!("some tasks did not end");
//!     }
//!     pool.close().await;
//!     Ok(())
//! }
//!
//! async fn consume(pool: Arc<Pool>, stop: CancellationToken) {
//!     loop {
//!         tokio::select! {
//!             () = stop.cancelled() => return,
//!             () = tokio::time::sleep(Duration::from_secs(1)) => drop(Arc::clone(&pool)),
//!         }
//!     }
//! }
//! ```
//!
//! It works on a good day. SIGTERM ends it on the spot. So does Ctrl+C while it connects. A task that panics is not missed by
//! anybody. When `consume` does not end, the pool is closed under it; when `close` hangs, the process does. The order of the
//! end is written by hand, and is wrong as soon as somebody adds a line.
//!
//! The same, with what it has and does said by annotations:
//!
//! ```no_run
//! # struct Pool;
//! # impl Pool { async fn connect() -> std::io::Result<Self> { Ok(Self) } async fn close(&self) {} }
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use lifecycle::{App, Shutdown, background, resource};
//!
//! struct Database {
//!     pool: Pool,
//! }
//!
//! #[resource(timeout = "5s")]
//! impl Database {
//!     async fn start() -> std::io::Result<Self> {
//!         Ok(Self { pool: Pool::connect().await? })
//!     }
//!
//!     async fn stop(&self) {
//!         self.pool.close().await;
//!     }
//! }
//!
//! #[background(timeout = "10s")]
//! async fn consume(database: Arc<Database>, shutdown: Shutdown) {
//!     while !shutdown.sleep(Duration::from_secs(1)).await.is_interrupted() {
//!         let _ = &database.pool;
//!     }
//! }
//!
//! #[derive(App)]
//! #[app(shutdown_timeout = "20s", background = [consume])]
//! struct Consumer {}
//!
//! #[lifecycle::main]
//! async fn main(_app: Consumer, shutdown: Shutdown) {
//!     shutdown.requested().await;
//! }
//! ```
//!
//! # What becomes of what
//!
//! | by hand | here |
//! | --- | --- |
//! | `#[tokio::main]` | [`#[lifecycle::main]`](macro@crate::main), with the same `flavor` and `worker_threads` |
//! | `ctrl_c()`, `signal(SignalKind::terminate())` | nothing: `main` owns the signals |
//! | `CancellationToken`, a `watch` or `broadcast` of "stop" | [`Shutdown`](crate::Shutdown): each component has its own |
//! | `TaskTracker`, `JoinSet` | [`Tasks`](crate::Tasks) |
//! | `tokio::spawn` of a loop | a [worker](super::workers) |
//! | `interval.tick()` in a loop | `#[background(every = "60s")]` |
//! | `timeout(10 s, tasks.wait())` | `timeout = "10s"` |
//! | `select!` between work and stop | [`Shutdown::run`](crate::Shutdown::run), [`sleep`](crate::Shutdown::sleep), [`deadline_within`](crate::Shutdown::deadline_within) |
//! | `axum::serve(..).with_graceful_shutdown(..)` | [`http::serve`](crate::http::serve()), with a bound |
//! | a counter of requests in flight | [`Shutdown::admit`](crate::Shutdown::admit) |
//! | closing things in the right order at the end of `main` | a `stop` each; the order follows from who takes what |
//! | `OnceLock` and `static` for shared parts | fields of the app, parameters |
//! | `std::process::exit` on the second Ctrl+C | nothing: the second signal forces |
//! | a `/healthz` handler | [`health`](super::probes) |
//!
//! # Step by step
//!
//! 1. Replace `#[tokio::main]`. With `main(shutdown: Shutdown)` the body stays as it is, but for the signals:
//!    `shutdown.requested().await` in their place. From now on there is a deadline.
//! 2. Make resources, from the bottom up: configuration, pool, clients. Each goes from the body to a `start`, and from the end
//!    of the body to a `stop`.
//! 3. Make workers of the loops that are spawned. Their token becomes a `Shutdown`.
//! 4. Give times: first `shutdown_timeout`, then what you know of each part. `LIFECYCLE_PRINT=plan` shows the sum.
//! 5. Rehearse it: `LIFECYCLE_DRILL="database.stop=hang"`, feature `drill`.
//!
//! A library that runs inside of somebody else's `main` uses [`Lifecycle::builder`](crate::Lifecycle::builder), which owns
//! neither the process nor its signals.
