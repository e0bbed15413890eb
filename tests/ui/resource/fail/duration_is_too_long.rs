use lifecycle::resource;

struct Database;

#[resource(timeout = "2years")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
