use lifecycle::resource;

struct Database;

struct NoError;

#[resource]
impl Database {
    async fn start() -> Result<Self, NoError> {
        Err(NoError)
    }

    async fn stop(&self) -> Result<(), NoError> {
        Ok(())
    }
}

fn main() {}
