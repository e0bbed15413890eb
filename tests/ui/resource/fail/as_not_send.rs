use lifecycle::resource;

trait Clock {}

struct Database;

impl Clock for Database {}

#[resource(as = dyn Clock)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
