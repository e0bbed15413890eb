use lifecycle::resource;

struct Database;

#[resource(retries = 0)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
