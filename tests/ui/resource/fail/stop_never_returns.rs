use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }
    async fn stop(&self) -> ! {
        std::future::pending().await
    }
}

fn main() {}
