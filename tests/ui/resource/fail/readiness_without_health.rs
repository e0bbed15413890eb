use lifecycle::resource;

struct Database;

#[resource(readiness)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
