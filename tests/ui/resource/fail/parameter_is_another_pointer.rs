use lifecycle::{Shutdown, resource};
use std::rc::Rc;
use std::sync::Arc;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource]
impl Cache {
    async fn start(_a: Rc<Database>, _b: Box<Database>, _c: Arc<Shutdown>) -> Self {
        Self
    }
}

fn main() {}
