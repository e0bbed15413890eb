use lifecycle::resource;

type Db = Database;

struct Database;

#[resource(order = 5, name = "db")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource(order = 1)]
impl Cache {
    async fn start(db: &Db) -> Self {
        let _ = db;
        Self
    }
}

fn main() {}
