use lifecycle::resource;
use std::sync::Arc;

struct Foo;
struct Database;

#[resource]
impl Database {
    async fn start(foo: Arc<Foo>) -> Self {
        let _ = foo;
        Self
    }
}

fn main() {}
