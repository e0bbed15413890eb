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
    db: Database,
    size: usize,
}

fn main() {}
