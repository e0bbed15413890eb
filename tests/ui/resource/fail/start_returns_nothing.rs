use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() {}
}

fn main() {}
