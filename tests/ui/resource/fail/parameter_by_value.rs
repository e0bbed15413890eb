use lifecycle::resource;

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
    async fn start(config: Config) -> Self {
        let _ = config;
        Self
    }
}

fn main() {}
