use lifecycle::resource;

struct Database;

#[resource(order = 1.5)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
