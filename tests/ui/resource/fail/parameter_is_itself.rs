use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start(other: &Self) -> Self {
        let _ = other;
        Self
    }
}

fn main() {}
