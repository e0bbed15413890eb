use lifecycle::resource;

struct Database;

#[resource(after = [Metrcs])]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
