use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self) ->
}

struct Cache;

#[resource]
impl Cache {
    async fn start(_db: &Database) -> Self {
        Self
    }
}

fn main() {}
