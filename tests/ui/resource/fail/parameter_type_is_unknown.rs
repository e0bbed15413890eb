use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start(config: &Confg) -> Self {
        let _ = config;
        Self
    }
}

fn main() {}
