use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    fn in_use(&self) -> u32 {
        0
    }
}

fn main() {}
