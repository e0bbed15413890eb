use std::fmt;

use lifecycle::resource;

#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed")
    }
}

impl std::error::Error for Closed {}

struct Busy;

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self) -> Result<(), Closed> {
        Err(Closed)
    }

    fn expects(&self, error: &Busy) -> bool {
        let Busy = error;
        true
    }
}

fn main() {}
