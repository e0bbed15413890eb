use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn strat() -> Self {
        Self
    }
}

fn main() {}
