use lifecycle::resource;

struct Database;

#[resource(timeout, order =, name)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
