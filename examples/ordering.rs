//! Order: the parameters of a `start` are up before it and stop after it. Numbers put resources into groups.
//!
//! `LIFECYCLE_PRINT=plan cargo run -p examples --bin ordering` prints the order and starts nothing.

use std::sync::Arc;
use std::time::SystemTime;

use lifecycle::{App, Shutdown, resource};

struct Config {
    greeting: &'static str,
}

/// Order 0 is up before order 1 begins to start, and stops after all of order 1 has ended.
#[resource(order = 0)]
impl Config {
    fn start() -> Self {
        println!("start: config");
        Self { greeting: "hello" }
    }

    fn stop(&self) {
        println!("stop: config");
    }
}

/// A trait, so that a test can provide another clock.
trait Clock: Send + Sync {
    fn now(&self) -> SystemTime;
}

struct SystemClock;

/// Without a number it is ordered by its dependencies and dependents alone.
#[resource(as = dyn Clock)]
impl SystemClock {
    fn start() -> Self {
        Self
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

struct Database;

#[resource(order = 1, timeout = "3s")]
impl Database {
    async fn start(config: &Config) -> Self {
        println!("start: database ({})", config.greeting);
        Self
    }

    async fn stop(&self) {
        println!("stop: database");
    }
}

struct Cache;

/// The same order as the database, and neither depends on the other: they start and stop in parallel.
#[resource(order = 1)]
impl Cache {
    async fn start() -> Self {
        println!("start: cache");
        Self
    }

    async fn stop(&self) {
        println!("stop: cache");
    }
}

struct Search {
    database: Arc<Database>,
}

/// `after` orders two resources without passing one to the other.
#[resource(after = [Cache])]
impl Search {
    async fn start(database: Arc<Database>, clock: &dyn Clock) -> Self {
        let _indexed_at = clock.now();
        println!("start: search, on its database");
        Self { database }
    }

    async fn stop(&self) {
        let _still_open = &self.database;
        println!("stop: search");
    }
}

#[derive(App)]
#[app(shutdown_timeout = "10s")]
struct Ordered {
    _search: Arc<Search>,
}

#[lifecycle::main]
async fn main(_app: Ordered, shutdown: Shutdown) {
    println!("main: up; press Ctrl+C");
    shutdown.requested().await;
}
