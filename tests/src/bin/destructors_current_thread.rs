//! Destructors of each kind of value on a current-thread runtime.

#[path = "../fixtures/destructors.rs"]
mod destructors;

use destructors::{Destructors, Value};
use lifecycle::Shutdown;
use lifecycle_tests::act::{Fault, init, serve};

#[lifecycle::main(init = init, flavor = "current_thread")]
async fn main(_app: Destructors, shutdown: Shutdown) -> Result<(), Fault> {
    let _value = Value("main.drop");
    serve("main", &shutdown).await
}
