//! A sleep whose outcome does not matter, since the loop looks whether a stop is requested.
#![deny(warnings)]

use lifecycle::{Shutdown, background};
use std::time::Duration;

#[background]
async fn poll(shutdown: Shutdown) {
    while !shutdown.is_requested() {
        shutdown.sleep(Duration::from_secs(1)).await;
    }
}

#[background]
fn compact(shutdown: Shutdown) {
    while !shutdown.is_requested() {
        shutdown.blocking_sleep(Duration::from_secs(1));
    }
}

fn main() {}
