use lifecycle::resource;

struct Database;

#[resource(order = 1 timeout = "5s")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
