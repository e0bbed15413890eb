//! What starts when and stops when; starts that take time, or fail.
//!
//! # Three ways to order
//!
//! | what you write | what it means |
//! | --- | --- |
//! | a parameter `&Database` or `Arc<Database>` of `start` | the database is up before this starts, and stops after this has ended |
//! | `after = [Metrics]` | the same, without being handed it |
//! | `order = 3` | everything of a lower order is up before, and stops after |
//!
//! What is not ordered is done at once: resources start in parallel, and stop in parallel. The end is the exact reverse of
//! the start. Resources without an order are ordered by what they take alone.
//!
//! Dependencies are enough for most apps. Numbers help where everything must come after something that nobody takes:
//! configuration and telemetry first (0), what they configure next (1), what serves last.
//!
//! Workers start after all resources, and stop before them. Their `order` is a scale of its own: those with a low number
//! start first and are told last, those without one start last and are told first.
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
//!     /// A `ConfigError` ends the process with exit code 2: a restart does not mend it.
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
//! /// It may come up after the app: seven tries, after 200 ms, 400 ms, 800 ms, .. at most,
//! /// 10 s each.
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
//! /// Found as `&dyn Clock` and `Arc<dyn Clock>`, too. A test can provide another one.
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
//!     /// A start that takes long takes a `Shutdown`: told to stop, it can end early and
//!     /// well. One without is dropped.
//!     async fn start(
//!         database: Arc<Database>,
//!         clock: &dyn Clock,
//!         shutdown: Shutdown,
//!     ) -> Result<Self, &'static str> {
//!         let _ = clock.seconds();
//!         shutdown.run(async { /* build it */ }).await.ok_or("told to stop")?;
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
//! They are errors of `cargo check`, underlined where they are made:
//!
//! ```text
//! `Cache` (order 1) needs `Database` (order 5), which starts after it
//! dependency cycle: `A` -> `B` -> `C` -> `A`
//! `Clock` is not a resource
//! ```
//!
//! # A start that fails
//!
//! A start that fails, panics, or takes longer than its `start_timeout` is tried again as often as `retries` says. Then the
//! startup is over: what is up is taken down in reverse, and nothing else. The exit code is 1, or 2 for a
//! [`ConfigError`](crate::ConfigError). The whole startup has `startup_timeout`, 5 minutes by default.
//!
//! A signal during the startup has the same effect. A start that was cut has no value, so that none of its hooks is
//! called: what it made is dropped.
//!
//! # What is part of the app
//!
//! [`#[lifecycle::main]`](macro@crate::main) starts everything that is annotated in the binary, also in other crates. A crate
//! that is named nowhere is not linked, and what it annotates is lost without a word: `expect = ["Metrics"]` at the app says
//! that it must be there, and what line to add. `registered = false` starts only what the app's fields and its
//! `background` list reach. [`Setup::disable`](crate::Setup::disable) leaves out one component.
