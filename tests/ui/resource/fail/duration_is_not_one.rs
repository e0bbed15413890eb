use lifecycle::resource;

struct Database;

#[resource(timeout = "soon")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
