use lifecycle::resource;

struct Database;

#[resource(speed = 3)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
