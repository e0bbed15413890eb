use lifecycle::resource;

struct Database;

#[resource(every = "60s")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
