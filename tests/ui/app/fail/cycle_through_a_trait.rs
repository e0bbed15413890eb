use std::sync::Arc;

use lifecycle::{App, resource};

trait Clock: Send + Sync {}

impl Clock for Wall {}

struct Wall;

#[resource(as = dyn Clock)]
impl Wall {
    async fn start(zone: &Zone) -> Self {
        let _ = zone;
        Self
    }
}

struct Zone;

#[resource]
impl Zone {
    async fn start(clock: &dyn Clock) -> Self {
        let _ = clock;
        Self
    }
}

#[derive(App)]
struct Agent {
    zone: Arc<Zone>,
}

fn main() {}
