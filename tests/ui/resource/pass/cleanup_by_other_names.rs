//! Methods that are called like a cleanup beside a `stop`, or that have another shape than a hook.
#![deny(warnings)]

use lifecycle::resource;

pub struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }
    async fn stop(&self) {
        self.close().await;
    }
    pub async fn close(&self) {}
}

pub struct Door;

#[resource]
impl Door {
    async fn start() -> Self {
        Self
    }
    pub fn close(&self) {}
    /// Shutdown leaves the door as it is.
    async fn stop(&self) {}
}

pub struct Progress;

#[resource]
impl Progress {
    async fn start() -> Self {
        Self
    }
    pub fn finish(&self, _step: u8) {}
    pub fn shutdown(&self) -> bool {
        true
    }
    pub fn close(self) {}
    pub fn terminate() {}
    #[cfg(test)]
    fn cleanup(&self) {}
}

fn main() {}
