use std::sync::Arc;

use lifecycle::{App, resource};

struct Database;

#[resource(timeout = "20s")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource(timeout = "5s")]
impl Cache {
    async fn start(db: &Database) -> Self {
        let _ = db;
        Self
    }
}

#[derive(App)]
struct Agent {
    cache: Arc<Cache>,
}

fn main() {}
