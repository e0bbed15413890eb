use lifecycle::resource;

trait Clock: Send + Sync {}

struct Database;

impl Clock for Database {}

#[resource(as = dyn Clock, as = dyn Clock)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
