use lifecycle::resource;
use std::io;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }
    pub async fn close(&self) -> Result<(), io::Error> {
        Ok(())
    }
}

struct Cache;

#[resource]
impl Cache {
    async fn start() -> Self {
        Self
    }
    fn cleanup(&self) {}
}

struct Worker;

#[resource]
impl Worker {
    async fn start() -> Self {
        Self
    }
    async fn shutdown(&self) {}
    async fn teardown(&self) {}
}

fn main() {}
