use std::sync::Arc;

use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }
}

#[lifecycle::main]
async fn main(_db: Arc<Database>) {}
