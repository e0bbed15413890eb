//! The program of the README: a resource, a background worker, and a graceful shutdown.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::{App, Shutdown, background, resource};

struct Database;

#[resource(timeout = "3s")]
impl Database {
    async fn start() -> Self {
        Database
    }

    /// Runs after every component that uses the database has ended.
    async fn stop(&self) {
        println!("database: closed");
    }

    /// Runs when `stop` fails, panics or takes longer than 3 s.
    fn emergency(&self) {
        eprintln!("database: emergency hook");
    }
}

/// The parameter `&Database` is a dependency: the worker starts after it and ends before it.
#[background(timeout = "2s")]
async fn count(_database: &Database, shutdown: Shutdown) {
    let second = Duration::from_secs(1);
    let mut seconds = 0;
    while !shutdown.sleep(second).await.is_interrupted() {
        seconds += 1;
        println!("worker: {seconds}");
    }
    println!("worker: stop requested, finishing");
}

#[derive(App)]
#[app(shutdown_timeout = "10s", background = [count])]
struct Hello {
    _database: Arc<Database>,
}

#[lifecycle::main]
async fn main(_app: Hello, shutdown: Shutdown) {
    println!("main: up; press Ctrl+C");
    shutdown.requested().await;
}
