use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self) {}

    fn expects(&self, error: &std::io::Error) -> bool {
        error.kind() == std::io::ErrorKind::BrokenPipe
    }
}

fn main() {}
