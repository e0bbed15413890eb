use lifecycle::resource;

struct Database;

#[resource(name = "my db")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
