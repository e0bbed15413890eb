use lifecycle::resource;

// Healthy or not is said by a `Result`.
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
