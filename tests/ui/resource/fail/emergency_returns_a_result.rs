use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    fn emergency(&self) -> Result<(), std::io::Error> {
        Ok(())
    }
}

fn main() {}
