use lifecycle::resource;

struct Database;

#[resource(order = 3000000000)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
