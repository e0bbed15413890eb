use lifecycle::resource;

struct Database;

#[resource(ordr = 1)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
