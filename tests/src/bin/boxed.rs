//! A service whose errors are `Box<dyn Error>`, on a multi-thread runtime.

#[path = "../fixtures/boxed.rs"]
mod boxed;

use std::error::Error;

use boxed::{body, setup};
use lifecycle::Shutdown;

#[lifecycle::main(init = setup, worker_threads = 2)]
async fn main(shutdown: Shutdown) -> Result<(), Box<dyn Error>> {
    body(shutdown).await
}
