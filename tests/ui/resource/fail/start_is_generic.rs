use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start<T>() -> Self {
        Self
    }
}

fn main() {}
