//! Workers and tasks on a multi-thread runtime.

#[path = "../fixtures/workers.rs"]
mod workers;

use lifecycle::Shutdown;
use lifecycle_tests::act::{Fault, serve};
use workers::{Workers, setup, spawn};

#[lifecycle::main(init = setup, worker_threads = 2)]
async fn main(_app: Workers, shutdown: Shutdown) -> Result<(), Fault> {
    spawn("main.task", &shutdown.tasks(), &shutdown);
    serve("main", &shutdown).await
}
