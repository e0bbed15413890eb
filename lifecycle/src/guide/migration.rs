//! Replace a hand-written `select!`, its signal handling and its cleanup code with `lifecycle`, step by step.
//!
//! Many services begin like this:
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
//! This program handles the normal case only. SIGTERM kills it without cleanup, as does Ctrl+C while it connects. A
//! panic in a task goes unnoticed. If `consume` does not end within 10 s, the pool is closed while it is in use. If
//! `close` hangs, the process hangs. The order of the cleanup is maintained by hand, and each added line can break it.
//!
//! The same program with `lifecycle`:
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
//! # Replacements
//!
//! | hand-written | `lifecycle` |
//! | --- | --- |
//! | `#[tokio::main]` | [`#[lifecycle::main]`](macro@crate::main), with the same `flavor` and `worker_threads` |
//! | `ctrl_c()`, `signal(SignalKind::terminate())` | not needed: `main` handles the signals |
//! | `CancellationToken`, or a `watch` or `broadcast` channel for "stop" | [`Shutdown`](crate::Shutdown), one for each component |
//! | `TaskTracker`, `JoinSet` | [`Tasks`](crate::Tasks) |
//! | `tokio::spawn` of a loop | a [background worker](super::workers) |
//! | `interval.tick()` in a loop | `#[background(every = "60s")]` |
//! | `timeout(Duration::from_secs(10), tasks.wait())` | `timeout = "10s"` |
//! | `select!` between work and stop | [`Shutdown::run`](crate::Shutdown::run), [`sleep`](crate::Shutdown::sleep), [`deadline_within`](crate::Shutdown::deadline_within) |
//! | `axum::serve(..).with_graceful_shutdown(..)` | [`http::serve`](crate::http::serve()), which has a time limit |
//! | a counter of requests in flight | [`Shutdown::admit`](crate::Shutdown::admit) |
//! | cleanup in the right order at the end of `main` | one `stop` for each resource; the order follows from the dependencies |
//! | `OnceLock` and `static` for shared values | parameters, and fields of the app |
//! | `std::process::exit` on the second Ctrl+C | not needed: the second signal forces the stop |
//! | a `/healthz` handler | a [`health` hook](super::probes) |
//!
//! # Step by step
//!
//! 1. Replace `#[tokio::main]`. With `main(shutdown: Shutdown)`, the body stays as it is, except that
//!    `shutdown.requested().await` replaces the signal handling. From this step on, the shutdown has a deadline.
//! 2. Turn shared values into resources, from the bottom up: configuration, pool, clients. Move their construction from
//!    the body to a `start`, and their cleanup from the end of the body to a `stop`.
//! 3. Turn spawned loops into workers. Their cancellation token becomes a `Shutdown`.
//! 4. Set timeouts: first `shutdown_timeout`, then those of the components whose needs you know. `LIFECYCLE_PRINT=plan`
//!    shows the sum.
//! 5. Rehearse a fault: `LIFECYCLE_DRILL="database.stop=hang"`, feature `drill`.
//!
//! A library that runs inside the `main` of another program uses [`Lifecycle::builder`](crate::Lifecycle::builder),
//! which controls neither the process nor its signals.
