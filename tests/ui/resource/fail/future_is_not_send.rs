use lifecycle::resource;
use std::rc::Rc;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        let shared = Rc::new(1);
        std::future::ready(()).await;
        drop(shared);
        Self
    }
}

fn main() {}
