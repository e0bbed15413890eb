//! A chain of five resources with observers, on a multi-thread runtime.

#[path = "../fixtures/chain.rs"]
mod chain;
#[path = "../fixtures/observers.rs"]
mod observers;

use chain::Chain;
use lifecycle::Shutdown;
use lifecycle_tests::act::{Fault, serve};

#[lifecycle::main(init = observers::init, worker_threads = 2)]
async fn main(_app: Chain, shutdown: Shutdown) -> Result<(), Fault> {
    serve("main", &shutdown).await
}
