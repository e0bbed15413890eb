use lifecycle::{App, background, resource};
use std::sync::Arc;

trait Clock: Send + Sync {}

struct Wall;

impl Clock for Wall {}

#[resource(as = dyn Clock)]
impl Wall {
    fn start() -> Self {
        Self
    }
}

struct Fake;

impl Clock for Fake {}

#[resource(as = dyn Clock)]
impl Fake {
    fn start() -> Self {
        Self
    }
}

struct Database;

#[resource]
impl Database {
    async fn start(clock: &dyn Clock) -> Self {
        let _ = clock;
        Self
    }
}

struct Cache;

#[resource(after = [dyn Clock])]
impl Cache {
    async fn start() -> Self {
        Self
    }
}

#[background]
async fn poll(_clock: Arc<dyn Clock>) {}

#[derive(App)]
struct Agent {
    clock: Arc<dyn Clock>,
}

fn main() {}
