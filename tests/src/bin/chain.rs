//! A chain of five resources on a multi-thread runtime.

#[path = "../fixtures/chain.rs"]
mod chain;

use chain::Chain;
use lifecycle::Shutdown;
use lifecycle_tests::act::{Fault, init, serve};

#[lifecycle::main(init = init, worker_threads = 2)]
async fn main(_app: Chain, shutdown: Shutdown) -> Result<(), Fault> {
    serve("main", &shutdown).await
}
