//! Control the order in which components start and stop, and handle starts that are slow or fail.
//!
//! # Three ways to define an order
//!
//! | you write | effect |
//! | --- | --- |
//! | a parameter `&Database` or `Arc<Database>` of `start` | the database starts before this component and stops after it |
//! | `after = [Metrics]` | the same order as a parameter, without access to the value |
//! | `order = 3` | every resource with a lower order starts before this one and stops after it |
//!
//! Resources that are not ordered relative to each other start in parallel and stop in parallel. The stop order is the
//! exact reverse of the start order. A resource without an `order` is ordered by its dependencies only.
//!
//! Dependencies are enough for most applications. Numbers help when a group of resources must follow something that
//! none of them takes as a parameter: for example, use 0 for configuration and telemetry, 1 for the resources that they
//! configure, and a higher number for what serves requests.
//!
//! Workers start after all resources and stop before them. Their `order` is a separate scale: workers with a low number
//! start first and are asked to stop last; workers without a number start last and are asked to stop first.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use lifecycle::{App, ConfigError, Shutdown, resource};
//!
//! struct Config {
//!     url: String,
//! }
//!
//! #[resource(order = 0)]
//! impl Config {
//!     /// A `ConfigError` ends the process with exit code 2. A supervisor can be configured not
//!     /// to restart it then, because a restart does not help.
//!     fn start() -> Result<Self, ConfigError> {
//!         match std::env::var("DATABASE_URL") {
//!             Ok(url) => Ok(Self { url }),
//!             Err(_) => Err(ConfigError::new("DATABASE_URL is not set: where is the database?")),
//!         }
//!     }
//! }
//!
//! struct Database;
//!
//! /// The server may come up after the application: up to seven attempts of 10 s each, with
//! /// pauses of 200 ms, 400 ms, 800 ms and so on between them.
//! #[resource(order = 1, start_timeout = "10s", retries = 6, backoff = "200ms")]
//! impl Database {
//!     async fn start(config: &Config) -> std::io::Result<Self> {
//!         let _ = &config.url;
//!         Ok(Self)
//!     }
//! }
//!
//! trait Clock: Send + Sync {
//!     fn seconds(&self) -> u64;
//! }
//!
//! struct SystemClock;
//!
//! /// `as` also binds the resource to a trait: components can take `&dyn Clock` or
//! /// `Arc<dyn Clock>`, and a test can provide another implementation.
//! #[resource(as = dyn Clock)]
//! impl SystemClock {
//!     fn start() -> Self {
//!         Self
//!     }
//! }
//!
//! impl Clock for SystemClock {
//!     fn seconds(&self) -> u64 {
//!         0
//!     }
//! }
//!
//! struct Index {
//!     database: Arc<Database>,
//! }
//!
//! #[resource(start_timeout = "2m")]
//! impl Index {
//!     /// A long start takes a `Shutdown`, so that it can return early when the application
//!     /// stops during startup. A start without one is cancelled.
//!     async fn start(
//!         database: Arc<Database>,
//!         clock: &dyn Clock,
//!         shutdown: Shutdown,
//!     ) -> Result<Self, &'static str> {
//!         let _ = clock.seconds();
//!         shutdown.run(async { /* build it */ }).await.ok_or("stop requested")?;
//!         Ok(Self { database })
//!     }
//! }
//!
//! #[derive(App)]
//! struct Search {
//!     index: Arc<Index>,
//! }
//!
//! #[lifecycle::main]
//! async fn main(app: Search, shutdown: Shutdown) {
//!     let _ = &app.index.database;
//!     shutdown.requested().await;
//! }
//! ```
//!
//! # Mistakes
//!
//! Contradictions are errors of `cargo check`, reported at the code that causes them:
//!
//! ```text
//! `Cache` (order 1) needs `Database` (order 5), which starts after it
//! dependency cycle: `A` -> `B` -> `C` -> `A`
//! `Clock` is not a resource
//! ```
//!
//! # Failed starts
//!
//! A start that fails, panics or exceeds its `start_timeout` is retried as often as `retries` allows. After the last
//! attempt the startup fails: the components that are up stop in reverse order, and the process exits with code 1, or
//! with code 2 for a [`ConfigError`](crate::ConfigError). The startup as a whole, retries included, is limited by
//! `startup_timeout` (5 minutes by default).
//!
//! A signal during startup also stops the components that are up. A cancelled `start` produces no instance, so none of
//! its hooks run; its future is dropped.
//!
//! # Which components are part of the application
//!
//! [`#[lifecycle::main]`](macro@crate::main) starts every annotated component that is linked into the binary, including
//! those of other crates. The linker omits a crate that your code never names, together with its components. To turn
//! this into an error, list such components in the app's attribute: with `expect = ["Metrics"]`, the error shows the
//! line to add.
//!
//! To start only the resources that the app's fields and its `background` list need, use `registered = false`. To
//! disable a single component at run time, call [`Setup::disable`](crate::Setup::disable).
