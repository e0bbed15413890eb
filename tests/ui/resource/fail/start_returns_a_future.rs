use lifecycle::resource;
use std::pin::Pin;

struct Database;

#[resource]
impl Database {
    fn start() -> impl Future<Output = Self> {
        async { Self }
    }
    fn stop(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async {})
    }
}

fn main() {}
