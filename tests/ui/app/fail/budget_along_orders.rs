use std::sync::Arc;

use lifecycle::{App, resource};

struct Database;

#[resource(order = 1, timeout = "20s")]
impl Database {
    async fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource(order = 2, timeout = "1m")]
impl Cache {
    async fn start() -> Self {
        Self
    }
}

struct Model;

#[resource(order = 3, timeout = "500ms")]
impl Model {
    async fn start() -> Self {
        Self
    }
}

struct Aside;

#[resource(timeout = "80s")]
impl Aside {
    async fn start() -> Self {
        Self
    }
}

#[derive(App)]
#[app(shutdown_timeout = "30s")]
struct Agent {
    cache: Arc<Cache>,
    db: Arc<Database>,
    model: Arc<Model>,
    aside: Arc<Aside>,
}

fn main() {}
