//! Leases: a pool knows what it has lent out, and the report names the place of what never came back.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::{App, Lease, Leases, Shutdown, background, resource};

struct Connection;

struct Pool {
    leases: Leases,
}

#[resource(timeout = "2s")]
impl Pool {
    fn start() -> Self {
        Self {
            leases: Leases::new(),
        }
    }

    /// All that could ask for a connection has ended by now. What is still out has a moment to come back.
    async fn stop(&self) {
        let returned = self.leases.returned();
        match tokio::time::timeout(Duration::from_millis(200), returned).await {
            Ok(()) => println!("pool: closed, all is back"),
            Err(_) => println!("pool: closed, {} is still out", self.leases.count()),
        }
    }

    /// Asked before and after `stop`: for the report.
    fn in_use(&self) -> usize {
        self.leases.count()
    }
}

impl Pool {
    /// The place that the report names is the caller's.
    #[track_caller]
    fn connection(&self) -> Lease<Connection> {
        self.leases.lend(Connection)
    }
}

#[background]
async fn query(pool: Arc<Pool>, shutdown: Shutdown) {
    while !shutdown
        .sleep(Duration::from_millis(100))
        .await
        .is_interrupted()
    {
        let connection = pool.connection();
        println!("query: {} out", pool.leases.count());
        drop(connection);
    }
}

#[derive(App)]
#[app(shutdown_timeout = "10s", background = [query])]
struct Queries {
    pool: Arc<Pool>,
}

#[lifecycle::main]
async fn main(app: Queries, shutdown: Shutdown) {
    // A mistake: nobody gives this one back. The report says so, with this line.
    std::mem::forget(app.pool.connection());
    println!("main: up; press Ctrl+C");
    shutdown.requested().await;
}
