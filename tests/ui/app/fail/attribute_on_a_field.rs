use std::sync::Arc;

use lifecycle::{App, resource};

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }
}

#[derive(App)]
struct Agent {
    #[app(lame_duck = "1s")]
    db: Arc<Database>,
}

fn main() {}
