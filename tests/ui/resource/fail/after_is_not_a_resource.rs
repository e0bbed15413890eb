use lifecycle::resource;

struct Database;

#[resource(after = [String])]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
