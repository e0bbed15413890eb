//! The program of the README with a `shutdown_timeout` that is too short.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::{App, Shutdown, background, resource};

struct Database;

#[resource(order = 1, timeout = "5s")]
impl Database {
    async fn start() -> Self {
        Database
    }

    async fn stop(&self) {
        println!("database: closed, after everything that used it");
    }

    fn emergency(&self) {
        eprintln!("database: the last resort, when `stop` failed or took too long");
    }
}

#[background(timeout = "2s")]
async fn count(_database: &Database, shutdown: Shutdown) {
    let mut seconds = 0;
    while !shutdown
        .sleep(Duration::from_secs(1))
        .await
        .is_interrupted()
    {
        seconds += 1;
        println!("worker: {seconds}");
    }
    println!("worker: stop requested, finishing the current step");
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
