//! Workers that write a journal, each record in two halves with a pause between them: a task, a thread, and a worker
//! that ignores requests to stop.
//!
//! `JOURNAL` is the folder of the journals. The argument `only=..` selects the worker.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use lifecycle::{ConfigError, Setup, Shutdown, background, resource};
use lifecycle_tests::act::{self, Fault, act, steps};
use lifecycle_tests::harness::evidence::note;

const PAUSE: Duration = Duration::from_millis(5);
const WORKERS: [&str; 3] = ["task", "thread", "deaf"];

/// The open journal.
struct Journal(File);

#[resource(name = "journal")]
impl Journal {
    fn start() -> Result<Self, ConfigError> {
        let folder = std::env::var_os("JOURNAL").ok_or("JOURNAL is not set");
        let folder = folder.map_err(ConfigError::new)?;
        let file = File::create(Path::new(&folder).join("journal"));
        file.map(Self)
            .map_err(|error| ConfigError::new(format!("JOURNAL: {error}")))
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("journal.stop").await
    }
}

impl Journal {
    fn write(&self, half: &str) -> io::Result<()> {
        (&self.0).write_all(half.as_bytes())
    }
}

#[background(timeout = "2s")]
async fn task(journal: &Journal, shutdown: Shutdown) -> io::Result<()> {
    while !shutdown.is_requested() {
        journal.write("<")?;
        note("half");
        tokio::time::sleep(PAUSE).await;
        journal.write(">\n")?;
    }
    note("asked");
    Ok(())
}

#[background(timeout = "2s")]
fn thread(journal: &Journal, shutdown: Shutdown) -> io::Result<()> {
    while !shutdown.is_requested() {
        journal.write("<")?;
        note("half");
        std::thread::sleep(PAUSE);
        journal.write(">\n")?;
    }
    note("asked");
    Ok(())
}

#[background(timeout = "100ms")]
async fn deaf(journal: &Journal) -> io::Result<()> {
    journal.write("<")?;
    note("half");
    std::future::pending().await
}

#[lifecycle::main(init = setup)]
async fn main(shutdown: Shutdown) {
    shutdown.requested().await;
}

fn setup(setup: &mut Setup) -> Result<(), Fault> {
    let only = steps("only");
    WORKERS
        .iter()
        .filter(|name| !only.contains(&(**name).to_owned()))
        .for_each(|name| setup.disable(*name));
    act::init(setup)
}
