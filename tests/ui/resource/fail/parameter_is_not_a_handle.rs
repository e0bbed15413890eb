use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start(size: usize) -> Self {
        let _ = size;
        Self
    }
}

fn main() {}
