//! How long the end may take, and who gets what of it.
//!
//! There is one deadline. It is `shutdown_timeout` after the first cause to stop, and it is never moved. Everything has its
//! place before it:
//!
//! ```text
//! |-- lame duck --|------- drain -------|---------- stop ----------|-- reserve --|
//! cause                                                                          deadline
//! ```
//!
//! | setting of `#[app(..)]` | what for | default |
//! | --- | --- | --- |
//! | `shutdown_timeout` | all of it | 25 s |
//! | `lame_duck` | serving on as not ready, so that load balancers look away | 0 |
//! | `drain_timeout` | work in flight, and workers without a `timeout` | what the rest leaves, at least 5 s |
//! | `emergency_timeout` | the reserve for all emergency hooks together | 2 s |
//! | `start_timeout` | one attempt of one start | 60 s |
//! | `startup_timeout` | the whole startup, retries included | 5 min |
//!
//! Time that is not used flows on: a drain that is over early leaves more for the stops.
//!
//! # Of a component
//!
//! `timeout` is the time for a resource's `stop`, or for a worker to end once it is told. The component
//! gets so much, whatever others do, and more only out of what nobody else was promised. The compiler adds up the longest chain of them and refuses an app
//! whose end cannot fit:
//!
//! ```text
//! `Agent` needs up to 42s to stop, but `shutdown_timeout` is 30s:
//! lame duck 5s + drain 10s + `Cache` 5s -> `Database` 20s + emergency 2s
//! ```
//!
//! A resource without a `timeout` gets an equal share of what is left to those that still stop after it. A worker without
//! one gets a share of the drain.
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
//!     async fn stop(&self) { /* has 10 s, then `emergency` is called */ }
//!     fn emergency(&self) {}
//! }
//!
//! #[background(timeout = "60s")]
//! async fn run_agents(database: &Database, shutdown: Shutdown) {
//!     let _ = database;
//!     shutdown.requested().await;
//!     // How long this worker has from now on. `extend` asks for more, out of what nobody
//!     // else was promised.
//!     let _left = shutdown.remaining();
//!     let _granted = shutdown.extend(Duration::from_secs(5));
//! }
//!
//! #[derive(App)]
//! #[app(shutdown_timeout = "90s", lame_duck = "5s", background = [run_agents])]
//! struct Agents {
//!     database: Arc<Database>,
//! }
//!
//! /// What the code says beats the attributes, and the environment beats both.
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
//! # Sensible times
//!
//! | kind of work | time to end |
//! | --- | --- |
//! | HTTP requests | 10 to 30 s: what the slowest request takes that you want to see answered |
//! | streams of a language model | 60 to 90 s to finish; 2 to 5 s where they are [interrupted and saved](super::streams) |
//! | jobs of an agent | 60 to 120 s to finish; less where they are put back to the queue |
//! | clean-up: closing a pool, a flush, a last write | 10 s |
//! | a periodic job | what one run takes |
//! | the emergency reserve | 2 s: emergency hooks write a marker, they do not talk to anybody |
//! | the lame duck behind a load balancer | 5 s, or what its checks take to notice |
//!
//! Whoever runs the app must wait longer than `shutdown_timeout`, or its clean-up is killed:
//!
//! | who | waits by default | where that is said |
//! | --- | --- | --- |
//! | Kubernetes | 30 s | `terminationGracePeriodSeconds` |
//! | systemd | 90 s | `TimeoutStopSec=`; with the feature `systemd` the app says it itself |
//! | Docker, Compose | 10 s | `docker stop -t`, `stop_grace_period` |
//! | Amazon ECS | 30 s | `stopTimeout` |
//!
//! The default of 25 s fits into a pod that says nothing. `LIFECYCLE_PRINT=kubernetes`, `systemd` and `compose` print the
//! right figure for your app.
//!
//! # Without a build
//!
//! ```sh
//! LIFECYCLE_SHUTDOWN_TIMEOUT=40s LIFECYCLE_TIMEOUT_DATABASE=15s ./app
//! ```
//!
//! A value that does not parse ends the process with exit code 2 before anything starts. So do a
//! reserve and a lame duck that leave nothing. Timeouts that do not fit together are a warning then: the shares adapt, and the
//! deadline cuts.
