use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self) {
        self.pool.close()
    }
}

fn main() {}
