use lifecycle::resource;

struct Database;

#[resource(ordr = 1)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource]
impl Cache {
    async fn start(db: &Database) -> Self {
        let _ = db;
        Self
    }
}

fn main() {}
