use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource(after = ["Database", "not a path"])]
impl Cache {
    async fn start() -> Self {
        Self
    }
}

struct Index;

#[resource(after = "Database")]
impl Index {
    async fn start() -> Self {
        Self
    }
}

struct Search;

#[resource(after = Database)]
impl Search {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
