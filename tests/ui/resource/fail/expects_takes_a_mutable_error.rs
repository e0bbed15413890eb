use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self) -> Result<(), std::io::Error> {
        Ok(())
    }

    fn expects(&self, error: &mut std::io::Error) -> bool {
        error.kind() == std::io::ErrorKind::BrokenPipe
    }
}

fn main() {}
