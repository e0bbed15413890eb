#![deny(warnings)]

use lifecycle::{Shutdown, background};
use std::time::Duration;

#[background]
async fn poll(shutdown: Shutdown) {
    while !shutdown.is_requested() {
        shutdown.sleep(Duration::from_secs(1));
    }
}

fn main() {}
