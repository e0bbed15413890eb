//! A pool whose stop waits for its leases, above a resource that it needs.
//!
//! With `main.first=keep` the first connection is never returned, with `main.first=late` while the pool stops.

use std::sync::Arc;

use lifecycle::{App, Lease, Leases, Shutdown, resource};
use lifecycle_tests::act::{Fault, act, act_blocking, init, steps};
use lifecycle_tests::harness::evidence::note;
use tokio::sync::Notify;

struct Base;

#[resource(name = "base")]
impl Base {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("base.stop").await
    }
}

struct Pool {
    leases: Leases,
    stopping: Notify,
}

struct Connection;

#[resource(name = "pool", timeout = "400ms")]
impl Pool {
    async fn start(_base: &Base) -> Self {
        Self {
            leases: Leases::new(),
            stopping: Notify::new(),
        }
    }

    async fn stop(&self) {
        note("pool.stop");
        self.stopping.notify_one();
        self.leases.returned().await;
        note("pool.stop ok");
    }

    fn emergency(&self) {
        let _ = act_blocking("pool.emergency");
    }

    fn in_use(&self) -> usize {
        self.leases.count()
    }
}

impl Pool {
    #[track_caller]
    fn connection(&self) -> Lease<Connection> {
        self.leases.lend(Connection)
    }
}

#[derive(App)]
#[app(drain_timeout = "1s")]
struct Leasing {
    pool: Arc<Pool>,
}

#[lifecycle::main(init = init)]
async fn main(app: Leasing, shutdown: Shutdown) {
    let pool = app.pool;
    let (first, line) = (pool.connection(), line!());
    note(format!("lent at {}:{line}", file!()));
    let (second, line) = (pool.connection(), line!());
    note(format!("lent at {}:{line}", file!()));
    // The app does not know of this task, which continues while the pool stops.
    drop(tokio::spawn(async move {
        pool.stopping.notified().await;
        if steps("main.first") == ["keep"] {
            std::mem::forget(first);
        } else {
            note("main.first returned");
            drop(first);
        }
    }));
    note("all is lent");
    shutdown.requested().await;
    drop(second);
}
