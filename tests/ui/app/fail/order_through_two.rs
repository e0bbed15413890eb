use std::sync::Arc;

use lifecycle::{App, resource};

struct Database;

#[resource(order = 5)]
impl Database {
    async fn start() -> Self {
        Self
    }
}

struct Index;

#[resource]
impl Index {
    async fn start(db: &Database) -> Self {
        let _ = db;
        Self
    }
}

struct Search;

#[resource(after = [Index])]
impl Search {
    async fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource(order = -1)]
impl Cache {
    async fn start(search: &Search) -> Self {
        let _ = search;
        Self
    }
}

#[derive(App)]
struct Agent {
    cache: Arc<Cache>,
}

fn main() {}
