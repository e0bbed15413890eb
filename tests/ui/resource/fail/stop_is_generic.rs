use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn stop<T: Send>(&self) {}
}

fn main() {}
