use lifecycle::resource;

struct Database;

#[resource(timeout = "5 parsecs")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
