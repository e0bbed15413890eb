//! `init` is a path, the parameters of the body are in any order, and `?` works in the body.

#![deny(warnings)]

use lifecycle::{App, Setup, Shutdown};

#[derive(App, Clone)]
struct Agent {}

fn setup(_: &mut Setup) -> Result<(), std::num::ParseIntError> {
    "1".parse::<u8>().map(drop)
}

#[lifecycle::main(init = setup, flavor = "multi_thread", worker_threads = 2, registered = false)]
async fn main(shutdown: Shutdown, app: Agent) -> Result<(), std::io::Error> {
    let Agent {} = app;
    shutdown.request();
    std::fs::metadata("/")?;
    Ok(())
}
