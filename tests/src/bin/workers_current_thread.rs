//! Workers and tasks on a current-thread runtime.

#[path = "../fixtures/workers.rs"]
mod workers;

use lifecycle::Shutdown;
use lifecycle_tests::act::{Fault, serve};
use workers::{Workers, setup, spawn};

#[lifecycle::main(init = setup, flavor = "current_thread")]
async fn main(_app: Workers, shutdown: Shutdown) -> Result<(), Fault> {
    spawn("main.task", &shutdown.tasks(), &shutdown);
    serve("main", &shutdown).await
}
