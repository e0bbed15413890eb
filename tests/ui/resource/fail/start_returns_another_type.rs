use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> String {
        String::new()
    }
}

fn main() {}
