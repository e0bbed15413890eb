use lifecycle::resource;

struct Database;

#[resource(crate = nowhere::lifecycle)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
