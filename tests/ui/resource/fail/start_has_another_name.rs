use lifecycle::resource;
use std::io;

struct Config;

#[resource]
impl Config {
    pub fn new() -> Self {
        Self
    }
}

struct Database;

#[resource]
impl Database {
    async fn connect(_config: &Config) -> io::Result<Self> {
        Ok(Self)
    }
    async fn stop(&self) {}
}

fn main() {}
