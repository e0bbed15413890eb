//! `#[cfg]` on the elements of a list in an attribute.

#![deny(warnings)]

use lifecycle::{App, background, resource};

#[background]
async fn serve() {}

struct Metrics;

#[resource]
impl Metrics {
    fn start() -> Self {
        Self
    }
}

struct Database;

#[resource(after = [#[cfg(any())] Missing, Metrics])]
impl Database {
    fn start() -> Self {
        Self
    }
}

#[derive(App)]
#[app(background = [#[cfg(any())] missing, serve, #[cfg(not(any()))] poll])]
struct Agent {
    _db: std::sync::Arc<Database>,
}

#[background]
async fn poll() {}

fn main() {}
