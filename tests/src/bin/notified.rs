//! A service on a current-thread runtime: a resource that starts a child to check what it inherits from systemd, a
//! store that can be reloaded, and two pieces of admitted work (`work=..`, `more=..`).

use lifecycle::{Shutdown, resource};
use lifecycle_tests::act::{Fault, act, act_blocking, init, serve, steps};
use lifecycle_tests::harness::evidence::note;

const SYSTEMD: [&str; 3] = ["NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID="];

struct Parent;

#[resource]
impl Parent {
    fn start() -> std::io::Result<Self> {
        let child = std::process::Command::new("env").output()?;
        let variables = String::from_utf8_lossy(&child.stdout);
        let is_systemds = |line: &str| SYSTEMD.iter().any(|name| line.starts_with(name));
        let inherited = variables.lines().any(is_systemds);
        note(if inherited {
            "child has it"
        } else {
            "child has it not"
        });
        Ok(Self)
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("parent.stop").await
    }
}

struct Store;

#[resource]
impl Store {
    async fn start(_parent: &Parent) -> Result<Self, Fault> {
        act("store.start").await.map(|()| Self)
    }

    async fn reload(&self) -> Result<(), Fault> {
        act("store.reload").await
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("store.stop").await
    }

    fn emergency(&self) {
        let _ = act_blocking("store.emergency");
    }
}

#[lifecycle::main(init = init, flavor = "current_thread")]
async fn main(shutdown: Shutdown) -> Result<(), Fault> {
    for hook in ["work", "more"] {
        if let (false, Ok(admitted)) = (steps(hook).is_empty(), shutdown.admit()) {
            let shutdown = shutdown.clone();
            tokio::spawn(async move {
                let _ = serve(hook, &shutdown).await;
                drop(admitted);
            });
        }
    }
    serve("main", &shutdown).await
}
