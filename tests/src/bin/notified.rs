//! One resource, which asks a child of the program what of systemd it has inherited.

use lifecycle::{Shutdown, resource};
use lifecycle_tests::act::{Fault, act, init, serve};
use lifecycle_tests::evidence::note;

struct Parent;

#[resource]
impl Parent {
    fn start() -> std::io::Result<Self> {
        let child = std::process::Command::new("env").output()?;
        let variables = String::from_utf8_lossy(&child.stdout);
        let inherited = variables
            .lines()
            .any(|line| line.starts_with("NOTIFY_SOCKET="));
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

#[lifecycle::main(init = init)]
async fn main(shutdown: Shutdown) -> Result<(), Fault> {
    serve("main", &shutdown).await
}
