use lifecycle::resource;
use std::sync::Arc;

trait Store: Send + Sync {}

impl Store for Database {}

struct Database;

#[resource(order = 5, as = dyn Store)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource(order = 1)]
impl Cache {
    async fn start(db: Arc<dyn Store>) -> Self {
        let _ = db;
        Self
    }
}

fn main() {}
