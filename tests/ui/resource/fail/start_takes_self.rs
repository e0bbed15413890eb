use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start(&self) -> Self {
        Self
    }
}

fn main() {}
