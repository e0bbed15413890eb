//! Resources of each unusual kind on a multi-thread runtime.

#[path = "../fixtures/odds.rs"]
mod odds;

use lifecycle::Shutdown;
use lifecycle_tests::act::{Fault, serve};
use lifecycle_tests::harness::evidence::note;
use odds::{Odds, setup};

#[lifecycle::main(init = setup)]
async fn main(app: Odds, shutdown: Shutdown) -> Result<(), Fault> {
    note(format!("main says {}", app.greeter.greet()));
    serve("main", &shutdown).await
}
