use std::sync::Arc;

use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn stop(self: Arc<Self>) {}

    async fn health(self: &Arc<Self>) {}

    fn emergency(self: &mut Self) {}

    async fn reload(mut self) {}

    fn in_use(self: &Self) -> usize {
        0
    }
}

fn main() {}
