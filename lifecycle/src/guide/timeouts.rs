//! Set the shutdown deadline, divide it among phases and components, and choose sensible values.
//!
//! A shutdown has one deadline: `shutdown_timeout` after the first cause to stop. It never moves. Every phase of the
//! shutdown has its place before it:
//!
//! ```text
//! |-- lame duck --|------- drain -------|---------- stop ----------|-- reserve --|
//! cause                                                                          deadline
//! ```
//!
//! | setting in `#[app(..)]` | limits | default |
//! | --- | --- | --- |
//! | `shutdown_timeout` | the whole shutdown | 25 s |
//! | `lame_duck` | the time to keep serving as not ready, so that load balancers stop sending requests | 0 |
//! | `drain_timeout` | work in flight, and workers without a `timeout` | the time that the other settings do not use, at least 5 s |
//! | `emergency_timeout` | the reserve for all emergency hooks together | 2 s |
//! | `start_timeout` | one attempt of one `start` | 60 s |
//! | `startup_timeout` | the whole startup, retries included | 5 min |
//!
//! Unused time is passed on: when the drain ends early, the resources have more time to stop.
//!
//! # Timeout of a component
//!
//! `timeout` limits the `stop` of a resource, or the time that a worker has to return after it was asked to stop. A
//! component always gets its `timeout`; it can be extended only with time that is not reserved for others. The compiler
//! adds up the longest chain of timeouts and rejects an application whose shutdown does not fit:
//!
//! ```text
//! `Agent` needs up to 42s to stop, but `shutdown_timeout` is 30s:
//! lame duck 5s + drain 10s + `Cache` 5s -> `Database` 20s + emergency 2s
//! ```
//!
//! A resource without a `timeout` gets an equal share of the remaining time, divided among it and the resources that
//! stop after it. A worker without a `timeout` gets a share of the drain.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use lifecycle::{App, Settings, Setup, Shutdown, background, resource};
//!
//! struct Database;
//!
//! #[resource(timeout = "10s")]
//! impl Database {
//!     async fn start() -> Self {
//!         Self
//!     }
//!     async fn stop(&self) { /* cancelled after 10 s, then `emergency` runs */ }
//!     fn emergency(&self) {}
//! }
//!
//! #[background(timeout = "60s")]
//! async fn run_agents(database: &Database, shutdown: Shutdown) {
//!     let _ = database;
//!     shutdown.requested().await;
//!     // The time until this worker is cancelled.
//!     let _remaining = shutdown.remaining();
//!     // More time, if there is some that is not reserved for other components.
//!     let _granted = shutdown.extend(Duration::from_secs(5));
//! }
//!
//! #[derive(App)]
//! #[app(shutdown_timeout = "90s", lame_duck = "5s", background = [run_agents])]
//! struct Agents {
//!     database: Arc<Database>,
//! }
//!
//! /// Settings made in code override the attributes; the environment overrides both.
//! fn setup(setup: &mut Setup) {
//!     if std::env::args().any(|argument| argument == "--fast") {
//!         setup.settings(Settings::default().lame_duck(Duration::ZERO));
//!     }
//! }
//!
//! #[lifecycle::main(init = setup)]
//! async fn main(app: Agents, shutdown: Shutdown) {
//!     let _ = app.database;
//!     shutdown.requested().await;
//! }
//! ```
//!
//! # Recommended values
//!
//! | kind of work | timeout |
//! | --- | --- |
//! | HTTP requests | 10 to 30 s: the duration of the slowest request that should still be answered |
//! | streams of a language model | 60 to 90 s to finish them; 2 to 5 s if they are [interrupted and saved](super::streams) |
//! | jobs of an agent | 60 to 120 s to finish them; less if they are returned to the queue |
//! | cleanup, such as closing a pool, a flush or a last write | 10 s |
//! | periodic job | the duration of one run |
//! | emergency reserve | 2 s: emergency hooks write a marker and do not use the network |
//! | lame duck behind a load balancer | 5 s, or the time that its health checks need to notice |
//!
//! The supervisor of the process must wait longer than `shutdown_timeout`. Killing the app earlier interrupts its
//! cleanup.
//!
//! | supervisor | default wait | how to change it |
//! | --- | --- | --- |
//! | Kubernetes | 30 s | `terminationGracePeriodSeconds` |
//! | systemd | 90 s | `TimeoutStopSec=`; with the feature `systemd`, the application extends it as needed |
//! | Docker, Compose | 10 s | `docker stop -t`, `stop_grace_period` |
//! | Amazon ECS | 30 s | `stopTimeout` |
//!
//! The default `shutdown_timeout` of 25 s fits into the default grace period of a pod. `LIFECYCLE_PRINT=kubernetes`,
//! `systemd` and `compose` print the value for your application.
//!
//! # Changing timeouts without a rebuild
//!
//! ```sh
//! LIFECYCLE_SHUTDOWN_TIMEOUT=40s LIFECYCLE_TIMEOUT_DATABASE=15s ./app
//! ```
//!
//! The process exits with code 2 before anything starts if a value does not parse, or if the lame duck and the
//! emergency reserve use up the whole `shutdown_timeout`. Component timeouts from the environment that do not fit are
//! only a warning: at run time the shares shrink, and the deadline still holds.
