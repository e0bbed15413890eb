use lifecycle::{Shutdown, resource};
use std::sync::Arc;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }
}

#[lifecycle::main]
async fn main(db: Arc<Database>, cache: &Arc<Database>, shutdown: &Shutdown) {}
