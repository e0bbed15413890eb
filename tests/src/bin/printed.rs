//! A small app with one of everything that a plan can show. It must not be started.

use std::sync::Arc;

use lifecycle::{App, Ready, Setup, Shutdown, background, resource};
use lifecycle_tests::act::{self, Fault, act, serve as act_until_told};
use lifecycle_tests::harness::evidence::note;

struct Config;

#[resource(order = 0)]
impl Config {
    async fn start() -> Result<Self, Fault> {
        act("config.start").await.map(|()| Self)
    }
}

struct Database;

#[resource(
    order = 1,
    timeout = "5s",
    start_timeout = "10s",
    retries = 4,
    backoff = "1s",
    readiness
)]
impl Database {
    async fn start(_config: &Config) -> Result<Self, Fault> {
        act("database.start").await.map(|()| Self)
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("database.stop").await
    }

    fn emergency(&self) {}

    async fn health(&self) {}

    async fn reload(&self) {}
}

struct Cache;

#[resource(order = 1)]
impl Cache {
    async fn start(_config: &Config) -> Result<Self, Fault> {
        act("cache.start").await.map(|()| Self)
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("cache.stop").await
    }
}

struct Index;

#[resource(name = "search::index", after = [Cache])]
impl Index {
    async fn start(_database: &Database) -> Result<Self, Fault> {
        act("index.start").await.map(|()| Self)
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("index.stop").await
    }

    fn emergency(&self) {}
}

struct Listener;

#[resource(order = 2, timeout = "1s")]
impl Listener {
    async fn start() -> Result<Self, Fault> {
        act("listener.start").await.map(|()| Self)
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("listener.stop").await
    }
}

#[background(timeout = "8s")]
async fn serve(
    _listener: &Listener,
    _index: &Index,
    ready: Ready,
    shutdown: Shutdown,
) -> Result<(), Fault> {
    ready.set();
    act_until_told("serve", &shutdown).await
}

#[background(order = 1, timeout = "3s", restart = "on_failure")]
async fn consume(_index: &Index, shutdown: Shutdown) -> Result<(), Fault> {
    act_until_told("consume", &shutdown).await
}

#[background(every = "60s")]
async fn expire(_cache: &Cache) {}

#[derive(App)]
#[app(
    shutdown_timeout = "25s",
    drain_timeout = "8s",
    background = [serve, consume, expire]
)]
struct Printed {
    _config: Arc<Config>,
    _listener: Arc<Listener>,
}

/// Records the number of threads as evidence.
fn init(setup: &mut Setup) -> Result<(), Fault> {
    #[cfg(target_os = "linux")]
    {
        let threads = std::fs::read_dir("/proc/self/task").expect("proc");
        note(format_args!("threads {}", threads.count()));
    }
    act::init(setup)
}

#[lifecycle::main(init = init)]
async fn main(_app: Printed, shutdown: Shutdown) -> Result<(), Fault> {
    act_until_told("main", &shutdown).await
}
