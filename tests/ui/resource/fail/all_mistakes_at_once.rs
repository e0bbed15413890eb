use lifecycle::resource;

struct Database;

#[resource(order = "1", timeout = 5, retries = "many", readiness = true, as = 3, after = Metrics, name = db)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

fn main() {}
