use lifecycle::Ready;
use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start(ready: Ready) -> Self {
        ready.set();
        Self
    }
}

fn main() {}
