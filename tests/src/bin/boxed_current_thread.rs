//! A service whose errors are `Box<dyn Error>`, on a current-thread runtime.

#[path = "../fixtures/boxed.rs"]
mod boxed;

use std::error::Error;

use boxed::{body, setup};
use lifecycle::Shutdown;

#[lifecycle::main(init = setup, flavor = "current_thread")]
async fn main(shutdown: Shutdown) -> Result<(), Box<dyn Error>> {
    body(shutdown).await
}
