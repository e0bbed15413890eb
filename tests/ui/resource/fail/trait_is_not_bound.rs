use lifecycle::resource;

trait Clock: Send + Sync {}

struct Database;

#[resource]
impl Database {
    async fn start(clock: &dyn Clock) -> Self {
        let _ = clock;
        Self
    }
}

fn main() {}
