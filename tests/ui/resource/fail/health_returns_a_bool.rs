use lifecycle::resource;

// The result of a health check is a `Result`.
struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn health(&self) -> bool {
        true
    }
}

fn main() {}
