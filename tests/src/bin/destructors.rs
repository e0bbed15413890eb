//! Destructors of each kind of value on a multi-thread runtime.

#[path = "../fixtures/destructors.rs"]
mod destructors;

use destructors::{Destructors, Value};
use lifecycle::Shutdown;
use lifecycle_tests::act::{Fault, init, serve};

#[lifecycle::main(init = init, worker_threads = 2)]
async fn main(_app: Destructors, shutdown: Shutdown) -> Result<(), Fault> {
    let _value = Value("main.drop");
    serve("main", &shutdown).await
}
