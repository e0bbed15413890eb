use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start(clock: impl Send) -> Self {
        let _ = clock;
        Self
    }
}

fn main() {}
