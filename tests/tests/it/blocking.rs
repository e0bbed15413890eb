//! Workers that are plain functions, on threads of their own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifecycle::{Lifecycle, Ready, Shutdown, Slept, background};

const HOUR: Duration = Duration::from_secs(3600);

static SLEPT: AtomicU32 = AtomicU32::new(0);

#[background]
fn sleeper(ready: Ready, shutdown: Shutdown) {
    assert_eq!(
        shutdown.blocking_sleep(Duration::from_millis(1)),
        Slept::Elapsed
    );
    ready.set();
    assert_eq!(shutdown.blocking_sleep(HOUR), Slept::Interrupted);
    SLEPT.fetch_add(1, Ordering::SeqCst);
}

#[background]
fn waiter(shutdown: Shutdown) {
    shutdown.blocking_requested();
    assert!(shutdown.is_requested());
}

async fn both_end_when_asked() {
    let before = SLEPT.load(Ordering::SeqCst);
    let running = Lifecycle::builder()
        .background_worker::<sleeper>()
        .background_worker::<waiter>()
        .start()
        .await
        .expect("it starts");
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    assert!(SLEPT.load(Ordering::SeqCst) > before, "it was woken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn threads_wait_for_the_stop_beside_a_multi_thread_runtime() {
    both_end_when_asked().await;
}

#[tokio::test]
async fn threads_wait_for_the_stop_beside_a_current_thread_runtime() {
    both_end_when_asked().await;
}
