//! What user code cannot do to an app from the builder.

use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use lifecycle::{CleanupLayer, Lifecycle, Settings, Shutdown, Tasks, resource};
use tokio::runtime::Builder;

const LIMIT: Duration = Duration::from_secs(20);

fn short() -> Settings {
    Settings::default()
        .shutdown_timeout(Duration::from_secs(1))
        .drain_timeout(Duration::from_millis(200))
        .emergency_timeout(Duration::from_millis(200))
}

/// Its stop blocks the only thread of the runtime.
struct Blocks(Sender<()>, Mutex<Receiver<()>>);

#[resource]
impl Blocks {
    fn start() -> Self {
        let (end, ended) = channel();
        Self(end, Mutex::new(ended))
    }

    async fn stop(&self) {
        let ended = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(LIMIT);
    }

    fn emergency(&self) {
        let _ = self.0.send(());
    }
}

#[test]
fn stop_is_bounded_when_a_hook_blocks_every_thread_of_the_runtime() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let report = runtime.block_on(async {
        let app = Lifecycle::builder().resource::<Blocks>().settings(short());
        app.start().await.expect("it starts").stop().await
    });
    let blocks = report.component("Blocks").expect("it is part of the app");
    assert_eq!(blocks.layer(), CleanupLayer::Emergency, "{report}");
    // Only the emergency hook, on a thread of its own, unblocks the stop.
    assert!(report.shutdown() < LIMIT / 2, "{report}");
    assert_eq!(report.exit_code(), 3, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_events_does_not_delay_deadlines() {
    let app = Lifecycle::builder()
        .background("stubborn", |_| pending::<()>())
        .settings(short());
    let running = app.start().await.expect("it starts");
    let shutdown: Shutdown = running.shutdown();
    let over = Arc::new(AtomicBool::new(false));
    let noise = {
        let over = Arc::clone(&over);
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                drop(shutdown.admit());
            }
        })
    };
    let report = tokio::time::timeout(LIMIT, running.stop()).await;
    over.store(true, Ordering::Relaxed);
    noise.join().expect("it only makes noise");
    let report = report.expect("the drain ends at its time");
    assert_eq!(report.exit_code(), 3, "{report}");
    let stubborn = report.component("stubborn").expect("it is part of the app");
    assert_eq!(stubborn.layer(), CleanupLayer::Timeout, "{report}");
}

static ENDED: Mutex<Option<Sender<()>>> = Mutex::new(None);

struct Fails;

#[resource]
impl Fails {
    async fn start(tasks: Tasks) -> Result<Self, io::Error> {
        let held = ENDED.lock().unwrap_or_else(PoisonError::into_inner).take();
        tasks.spawn("unfinished", async move {
            let _held = held;
            pending::<()>().await;
        });
        Err(io::Error::other("no luck"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tasks_of_a_start_that_failed_end_with_it() {
    let (ended, has_ended) = channel();
    *ENDED.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    let app = Lifecycle::builder().resource::<Fails>();
    let error = app.start().await.expect_err("it cannot start");
    assert!(error.to_string().contains("no luck"), "{error}");
    let ended = tokio::task::spawn_blocking(move || has_ended.recv_timeout(LIMIT));
    let ended = ended.await.expect("it only waits");
    assert!(
        matches!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected)),
        "the task has been dropped, and what it held with it"
    );
}
