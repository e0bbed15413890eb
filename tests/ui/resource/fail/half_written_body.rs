use lifecycle::resource;

struct Database {
    url: String,
}

#[resource]
impl Database {
    async fn start() -> Self {
        let url = String::
        Self { url }
    }

    async fn stop(&self) {
        self.
    }
}

struct Cache;

#[resource]
impl Cache {
    async fn start(db: &Database) -> Self {
        db.url.len();
        Self
    }
}

fn main() {}
