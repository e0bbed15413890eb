//! Resources of which some can be reloaded.

use std::sync::Arc;

use lifecycle::{App, Shutdown, resource};
use lifecycle_tests::act::{Fault, act, act_blocking, init, serve};

struct Settings;

#[resource(name = "settings")]
impl Settings {
    async fn start() -> Result<Self, Fault> {
        act("settings.start").await.map(|()| Self)
    }

    async fn reload(&self) -> Result<(), Fault> {
        act("settings.reload").await
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("settings.stop").await
    }
}

struct Fixed;

#[resource(name = "fixed")]
impl Fixed {
    async fn start(_settings: &Settings) -> Result<Self, Fault> {
        act("fixed.start").await.map(|()| Self)
    }
}

struct Pool;

#[resource(name = "pool")]
impl Pool {
    async fn start(_fixed: &Fixed) -> Result<Self, Fault> {
        act("pool.start").await.map(|()| Self)
    }

    fn reload(&self) -> Result<(), Fault> {
        act_blocking("pool.reload")
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("pool.stop").await
    }
}

#[derive(App)]
struct Reloads {
    _pool: Arc<Pool>,
}

#[lifecycle::main(init = init)]
async fn main(_app: Reloads, shutdown: Shutdown) -> Result<(), Fault> {
    serve("main", &shutdown).await
}
