use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn in_use(&self) -> usize {
        0
    }
}

fn main() {}
