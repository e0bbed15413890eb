//! A small service in which everything can go wrong, on a multi-thread runtime.

#[path = "../fixtures/faults.rs"]
mod faults;

use faults::{Faults, body};
use lifecycle::Shutdown;
use lifecycle_tests::act::{Fault, init};

#[lifecycle::main(init = init, worker_threads = 2)]
async fn main(_app: Faults, shutdown: Shutdown) -> Result<(), Fault> {
    body(shutdown).await
}
