//! Resources with health checks.
//!
//! `health=folder` names a folder; the file of a resource in it says what its `health` does: `error`, `hang` or `slow`.
//! SIGHUP keeps all threads of the runtime busy or blocks them for a number of milliseconds: `threads=busy:6000`,
//! `threads=block:6000`. `recorder=notes` installs a recorder of metrics, `recorder=blocks` one that never returns.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use lifecycle::{App, Setup, Shutdown, background, resource};
use lifecycle_tests::act::{self, Fault, act, act_blocking, serve, steps};
use lifecycle_tests::harness::evidence::note;
use lifecycle_tests::recorder::Recorder;

/// More tasks than threads, so that each thread gets one.
const TASKS: usize = 4;

/// Does what the file says.
fn health_of(name: &str) -> Result<Option<String>, Fault> {
    note(format_args!("{name}.health"));
    let Some(folder) = steps("health").first() else {
        return Ok(None);
    };
    match std::fs::read_to_string(Path::new(folder).join(name)) {
        Ok(text) if text == "error" => Err(Fault::Broken(format!("{name}.health"))),
        Ok(text) => Ok(Some(text)),
        Err(_) => Ok(None),
    }
}

const SLOW: Duration = Duration::from_millis(1200);

struct Database;

#[resource(name = "database", readiness)]
impl Database {
    async fn start() -> Result<Self, Fault> {
        act("database.start").await.map(|()| Self)
    }

    async fn health(&self) -> Result<(), Fault> {
        match health_of("database")?.as_deref() {
            Some("hang") => std::future::pending().await,
            Some("slow") => tokio::time::sleep(SLOW).await,
            _ => {}
        }
        Ok(())
    }

    async fn reload(&self) -> Result<(), Fault> {
        let Some((how, time)) = steps("threads").first().and_then(|how| how.split_once(':')) else {
            return Ok(());
        };
        let time = Duration::from_millis(time.parse().expect("a number of milliseconds"));
        for _ in 0..TASKS {
            match how {
                "block" => drop(tokio::spawn(async move { thread::sleep(time) })),
                _ => drop(tokio::spawn(async move {
                    let begun = Instant::now();
                    while begun.elapsed() < time {
                        thread::sleep(Duration::from_millis(5));
                        tokio::task::yield_now().await;
                    }
                })),
            }
        }
        note("threads taken");
        Ok(())
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("database.stop").await
    }
}

struct Cache;

#[resource(name = "cache")]
impl Cache {
    async fn start(_database: &Database) -> Result<Self, Fault> {
        act("cache.start").await.map(|()| Self)
    }

    fn health(&self) -> Result<(), Fault> {
        match health_of("cache")?.as_deref() {
            Some("hang") => thread::sleep(Duration::from_secs(3600)),
            Some("slow") => thread::sleep(SLOW),
            _ => {}
        }
        Ok(())
    }

    fn stop(&self) -> Result<(), Fault> {
        act_blocking("cache.stop")
    }
}

/// Fails until the restart policy gives it up.
#[background(
    restart = "always",
    max_restarts = 2,
    backoff = "10ms",
    on_failure = "ignore"
)]
async fn poll(shutdown: Shutdown) -> Result<(), Fault> {
    serve("poll", &shutdown).await
}

#[derive(App)]
#[app(background = [poll])]
struct Probed {
    _cache: Arc<Cache>,
}

fn setup(setup: &mut Setup) -> Result<(), Fault> {
    if let Some(how) = steps("recorder").first() {
        Recorder::install(how == "blocks");
    }
    act::init(setup)
}

#[lifecycle::main(worker_threads = 2, init = setup)]
async fn main(_app: Probed, shutdown: Shutdown) -> Result<(), Fault> {
    let work: Vec<_> = (0..3).map(|_| shutdown.admit()).collect();
    let mut work = work.into_iter();
    drop(work.next());
    serve("main", &shutdown).await?;
    if shutdown.admit().is_err() {
        note("refused");
    }
    act("main.after").await
}
