use lifecycle::resource;

fn lifecycle_says(_: &std::io::Error) -> bool {
    true
}

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    fn expects(&self, error: &std::io::Error) -> bool {
        lifecycle_says(error)
    }
}

fn main() {}
