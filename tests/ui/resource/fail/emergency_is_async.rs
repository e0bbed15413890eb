use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn emergency(&self) {}
}

fn main() {}
