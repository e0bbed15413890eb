use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self, force: bool) {
        let _ = force;
    }
}

fn main() {}
