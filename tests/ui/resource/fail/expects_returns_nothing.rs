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

    fn expects(&self, error: &std::io::Error) {
        let _ = error;
    }
}

fn main() {}
