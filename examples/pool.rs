//! Leases: a pool counts its outstanding leases, and the report lists where each leaked lease was acquired.

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

    /// Everything that could acquire a connection has ended by now. Outstanding leases get a moment to be returned.
    async fn stop(&self) {
        let returned = self.leases.returned();
        match tokio::time::timeout(Duration::from_millis(200), returned).await {
            Ok(()) => println!("pool: closed, all is back"),
            Err(_) => println!("pool: closed, {} is still out", self.leases.count()),
        }
    }

    /// Called before and after `stop`, for the report.
    fn in_use(&self) -> usize {
        self.leases.count()
    }
}

impl Pool {
    /// The report lists the caller's file and line.
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
    // A mistake: this lease is never returned. The report says so, with this line.
    std::mem::forget(app.pool.connection());
    println!("main: up; press Ctrl+C");
    shutdown.requested().await;
}
