use lifecycle::resource;
use std::sync::Arc;

struct Config;

#[resource]
impl Config {
    fn start() -> Self {
        Self
    }
}

struct Database;

#[resource]
impl Database {
    async fn start(config: &Arc<Config>) -> Self {
        let _ = config;
        Self
    }
}

fn main() {}
