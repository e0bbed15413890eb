//! Hooks of one name under different `#[cfg]`s, and an attribute that is under a `#[cfg]` itself.

#![deny(warnings)]

use std::sync::Arc;

use lifecycle::resource;

struct Config;

#[resource]
impl Config {
    fn start() -> Self {
        Self
    }
}

struct Windows;

struct Database;

#[resource(timeout = "1s")]
impl Database {
    #[cfg(not(windows))]
    async fn start(config: &Config) -> Self {
        let _ = config;
        Self
    }

    #[cfg(windows)]
    fn start(windows: Arc<Windows>, config: Arc<Config>) -> Result<Self, std::io::Error> {
        let _ = (windows, config);
        Ok(Self)
    }

    #[cfg(not(windows))]
    async fn stop(&self) -> Result<(), std::io::Error> {
        Ok(())
    }

    #[cfg(windows)]
    fn stop(&self) {}

    #[cfg(not(windows))]
    fn expects(&self, error: &std::io::Error) -> bool {
        let _ = error;
        true
    }

    /// Documented, and not compiled.
    #[cfg(windows)]
    fn emergency(&self) {}

    #[cfg(any())]
    fn health(&self) -> NoSuchType {}
}

#[resource]
#[cfg(any())]
impl Missing {
    fn start() -> Self {}
}

#[cfg(any())]
#[resource]
impl Missing {
    fn start() -> Self {}
}

fn main() {
    let _ = Windows;
    let _: Option<Arc<Database>> = None;
}
