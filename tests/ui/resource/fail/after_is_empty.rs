use lifecycle::resource;

struct Database;

#[resource(after = [])]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
