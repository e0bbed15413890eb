//! Writes `lines=10000` lines into a buffer, which only the flush at the exit writes to the file `file=..`.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lifecycle::{Setup, Shutdown, resource};
use lifecycle_tests::act::{Fault, act, act_blocking, init, serve, steps};

type Log = Arc<Mutex<BufWriter<File>>>;

static LOG: OnceLock<Log> = OnceLock::new();

/// The guard that a logging library returns, to be kept until the end.
struct Guard(Log);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = act_blocking("writer");
        let _ = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush();
    }
}

fn setup(setup: &mut Setup) -> Result<(), Fault> {
    let file = File::create(&steps("file")[0]).expect("a file");
    // Larger than all lines together, so that only the guard flushes.
    let log = Arc::new(Mutex::new(BufWriter::with_capacity(1 << 24, file)));
    let _ = LOG.set(Arc::clone(&log));
    setup.flush_at_exit(Guard(log));
    init(setup)
}

fn log(name: &str) {
    let lines: usize = steps("lines")[0].parse().expect("a number");
    let Some(log) = LOG.get() else { return };
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    (0..lines).for_each(|line| writeln!(log, "{name} {line}").expect("there is room"));
}

/// Writes lines in each of its hooks.
struct Writes;

#[resource(name = "writes")]
impl Writes {
    async fn start() -> Result<Self, Fault> {
        log("start");
        act("writes.start").await.map(|()| Self)
    }

    async fn stop(&self) -> Result<(), Fault> {
        log("stop");
        act("writes.stop").await
    }

    fn emergency(&self) {
        log("emergency");
        let _ = act_blocking("writes.emergency");
    }
}

#[lifecycle::main(init = setup)]
async fn main(shutdown: Shutdown) -> Result<(), Fault> {
    log("main");
    serve("main", &shutdown).await
}
