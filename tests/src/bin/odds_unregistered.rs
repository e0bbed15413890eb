//! Resources of each unusual kind, of which only the graph of the app is started.

#[path = "../fixtures/odds.rs"]
mod odds;

use lifecycle::Shutdown;
use lifecycle_tests::act::{Fault, serve};
use lifecycle_tests::harness::evidence::note;
use odds::{Odds, setup};

#[lifecycle::main(init = setup, registered = false)]
async fn main(app: Odds, shutdown: Shutdown) -> Result<(), Fault> {
    note(format!("main says {}", app.greeter.greet()));
    serve("main", &shutdown).await
}
