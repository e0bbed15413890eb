use lifecycle::resource;

struct Database;

#[resource(as = Clock)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
