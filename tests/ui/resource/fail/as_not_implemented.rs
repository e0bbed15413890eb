use lifecycle::resource;

trait Clock: Send + Sync {}

struct Database;

#[resource(as = dyn Clock)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
