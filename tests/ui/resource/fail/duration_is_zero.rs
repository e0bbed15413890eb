use lifecycle::resource;

struct Database;

#[resource(timeout = "0s")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
