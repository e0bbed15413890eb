//! Concurrent starts of each kind, above a resource that is up, beside one that can fail.

#[path = "../fixtures/base.rs"]
mod base;

use std::sync::Arc;

use base::Base;
use lifecycle::{App, Shutdown, resource};
use lifecycle_tests::act::{Fault, act, act_blocking, init, serve};

struct Plain;

#[resource(name = "plain")]
impl Plain {
    async fn start(_base: &Base) -> Result<Self, Fault> {
        act("plain.start").await.map(|()| Self)
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("plain.stop").await
    }

    fn emergency(&self) {
        let _ = act_blocking("plain.emergency");
    }
}

struct Waiting;

#[resource(name = "waiting")]
impl Waiting {
    async fn start(_base: &Base, shutdown: Shutdown) -> Result<Self, Fault> {
        serve("waiting.start", &shutdown).await.map(|()| Self)
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("waiting.stop").await
    }

    fn emergency(&self) {
        let _ = act_blocking("waiting.emergency");
    }
}

struct Thread;

#[resource(name = "thread")]
impl Thread {
    fn start(_base: &Base) -> Result<Self, Fault> {
        act_blocking("thread.start").map(|()| Self)
    }

    fn stop(&self) -> Result<(), Fault> {
        act_blocking("thread.stop")
    }

    fn emergency(&self) {
        let _ = act_blocking("thread.emergency");
    }
}

struct Failing;

#[resource(name = "failing")]
impl Failing {
    async fn start(_base: &Base) -> Result<Self, Fault> {
        act("failing.start").await.map(|()| Self)
    }
}

#[derive(App)]
#[app(
    shutdown_timeout = "10s",
    drain_timeout = "1s",
    emergency_timeout = "500ms"
)]
struct Starts {
    _base: Arc<Base>,
    _plain: Arc<Plain>,
    _waiting: Arc<Waiting>,
    _thread: Arc<Thread>,
    _failing: Arc<Failing>,
}

#[lifecycle::main(init = init)]
async fn main(_app: Starts, shutdown: Shutdown) -> Result<(), Fault> {
    serve("main", &shutdown).await
}
