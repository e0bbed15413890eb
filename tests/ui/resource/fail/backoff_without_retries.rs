use lifecycle::resource;

struct Database;

#[resource(backoff = "1s")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
