//! A function remains callable as written, and one `use` imports it together with its type.

#![deny(warnings)]
#![allow(dead_code, reason = "only expanded")]

mod http {
    use lifecycle::{Ready, Shutdown, background};

    /// A task.
    #[background(timeout = "8s")]
    pub async fn run(ready: Ready, shutdown: Shutdown) -> std::io::Result<()> {
        ready.set();
        shutdown.requested().await;
        Ok(())
    }

    /// A thread.
    #[background(order = -1, restart = "always", max_restarts = 3)]
    pub(crate) fn spin(_: Shutdown) {}

    #[background(every = "1m 30s", immediate, run_timeout = "500ms", max_failures = 1)]
    pub(super) async fn tick() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }

    #[background]
    #[cfg(any())]
    pub fn missing() {}
}

mod grpc {
    #[lifecycle::background(name = "grpc", on_failure = "ignore")]
    pub async fn run() {}
}

use http::run;

#[derive(lifecycle::App)]
#[app(background = [run, http::spin, http::tick, grpc::run])]
struct Agent {}

fn main() {
    let _ = http::spin;
    let _ = grpc::run;
    drop(http::tick());
}
