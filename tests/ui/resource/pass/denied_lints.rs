//! The expansions cause no warning under the lints that users deny.

#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused,
    clippy::all,
    clippy::pedantic,
    rust_2018_idioms,
    rust_2024_compatibility,
    let_underscore_drop,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unused_qualifications,
    unused_lifetimes,
    elided_lifetimes_in_paths
)]
#![forbid(unsafe_code)]

use std::sync::Arc;

use lifecycle::{App, Ready, Shutdown, Tasks, background, resource};

/// Found by trait.
pub trait Clock: Send + Sync {
    /// Seconds.
    fn now(&self) -> u64;
}

/// A clock.
#[derive(Debug)]
pub struct Wall;

impl Clock for Wall {
    fn now(&self) -> u64 {
        1
    }
}

#[resource(as = dyn Clock)]
impl Wall {
    fn start() -> Self {
        Self
    }
}

/// A database.
#[derive(Debug)]
pub struct Database {
    url: String,
}

#[resource(order = 1, timeout = "5s", start_timeout = "1s", retries = 3, backoff = "1s", readiness, after = [Wall], name = "db")]
impl Database {
    /// Opens it.
    async fn start(
        clock: &dyn Clock,
        same: Arc<dyn Clock>,
        shutdown: Shutdown,
        tasks: Tasks,
    ) -> std::io::Result<Self> {
        drop((shutdown, tasks));
        std::future::ready(()).await;
        Ok(Self {
            url: (clock.now() + same.now()).to_string(),
        })
    }

    async fn stop(&self) -> std::io::Result<()> {
        std::future::ready(()).await;
        if self.url.is_empty() {
            Err(std::io::ErrorKind::BrokenPipe.into())
        } else {
            Ok(())
        }
    }

    fn expects(&self, error: &std::io::Error) -> bool {
        !self.url.is_empty() && error.kind() == std::io::ErrorKind::BrokenPipe
    }

    fn emergency(&self) {
        println!("{}", self.url);
    }

    fn health(&self) -> std::io::Result<()> {
        if self.url.is_empty() {
            Err(std::io::ErrorKind::NotFound.into())
        } else {
            Ok(())
        }
    }

    async fn reload(&self) {
        std::future::ready(&self.url).await;
    }

    fn in_use(&self) -> usize {
        self.url.len()
    }
}

/// A worker.
#[background(
    order = 1,
    restart = "on_failure",
    max_restarts = 2,
    within = "1m",
    backoff = "1s",
    on_failure = "ignore",
    on_finish = "shutdown"
)]
pub async fn serve(db: &Database, ready: Ready, shutdown: Shutdown) {
    println!("{}", db.url);
    ready.set();
    shutdown.requested().await;
}

#[background(every = "1s")]
fn poll() {}

/// The app.
#[derive(App, Clone, Debug)]
#[app(background = [serve, poll])]
pub struct Agent {
    /// A field.
    pub db: Arc<Database>,
}

#[lifecycle::main(flavor = "current_thread")]
async fn main(app: Agent, shutdown: Shutdown) {
    println!("{}", app.db.url);
    shutdown.request();
    shutdown.requested().await;
}
