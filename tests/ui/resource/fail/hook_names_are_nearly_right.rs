use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn stopp(&self) {}

    fn emergancy(&self) {}

    async fn heatlh(&self) -> Result<(), std::io::Error> {
        Ok(())
    }

    async fn relaod(&self) {}

    fn inuse(&self) -> usize {
        0
    }

    fn expect(&self, error: &std::io::Error) -> bool {
        let _ = error;
        true
    }
}

fn main() {}
