//! A resource whose start is retried, above one that is up.

#[path = "../fixtures/base.rs"]
mod base;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::Base;
use lifecycle::{App, Shutdown, resource};
use lifecycle_tests::act::{Fault, act, init, serve, steps};

static ATTEMPTS: AtomicUsize = AtomicUsize::new(0);

struct Flaky;

#[resource(name = "flaky", retries = 3, backoff = "100ms")]
impl Flaky {
    async fn start(_base: &Base) -> Result<Self, Fault> {
        act("flaky.start").await?;
        let failures = steps("failures")
            .first()
            .map_or(0, |count| count.parse().expect("a number"));
        if ATTEMPTS.fetch_add(1, Ordering::Relaxed) < failures {
            return Err(Fault::Broken("flaky.start".to_owned()));
        }
        Ok(Self)
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("flaky.stop").await
    }
}

#[derive(App)]
struct Retries {
    _flaky: Arc<Flaky>,
}

#[lifecycle::main(init = init)]
async fn main(_app: Retries, shutdown: Shutdown) -> Result<(), Fault> {
    serve("main", &shutdown).await
}
