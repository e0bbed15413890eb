use lifecycle::resource;

struct Database;

#[resource(order = 5)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource(order = 1)]
impl Cache {
    async fn start(db: &Database) -> Self {
        let _ = db;
        Self
    }
}

fn main() {}
