use lifecycle::{App, resource};
use std::rc::Rc;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }
}

#[derive(App)]
struct Agent {
    db: Rc<Database>,
    cache: Box<Database>,
}

fn main() {}
