//! A periodic worker: it runs repeatedly, and a run is never interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifecycle::{App, Shutdown, background, resource};

struct Sessions {
    runs: AtomicU32,
}

#[resource]
impl Sessions {
    fn start() -> Self {
        Self {
            runs: AtomicU32::new(0),
        }
    }
}

/// The next run begins half a second after the previous one has ended, so that runs never overlap. Without `immediate` the
/// first run would wait for half a second, too. A failed run is logged and the schedule continues; three failures in a row
/// stop the app.
#[background(every = "500ms", immediate, run_timeout = "5s", max_failures = 3)]
async fn expire_sessions(sessions: &Sessions) -> Result<(), &'static str> {
    let run = 1 + sessions.runs.fetch_add(1, Ordering::Relaxed);
    println!("run {run}: begins");
    // The app stops between runs: this run is awaited.
    tokio::time::sleep(Duration::from_millis(100)).await;
    println!("run {run}: ends");
    if run == 1 {
        return Err("the first one always fails");
    }
    Ok(())
}

#[derive(App)]
#[app(shutdown_timeout = "10s", background = [expire_sessions])]
struct Periodic {
    sessions: Arc<Sessions>,
}

#[lifecycle::main]
async fn main(app: Periodic, shutdown: Shutdown) {
    println!("main: up; press Ctrl+C");
    shutdown.requested().await;
    println!(
        "main: {} runs so far",
        app.sessions.runs.load(Ordering::Relaxed)
    );
}
