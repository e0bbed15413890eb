use lifecycle::resource;

struct Database;

#[resource(name = "")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
