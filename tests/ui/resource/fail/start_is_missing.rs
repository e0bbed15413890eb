use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn stop(&self) {}
}

fn main() {}
