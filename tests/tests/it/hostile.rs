//! Wakers of user code that panic or block: the driver calls none of them, and no other task misses its wake-up.

use std::time::Duration;

use lifecycle::{Lifecycle, Settings, Shutdown};
use lifecycle_tests::flavors;
use lifecycle_tests::hostile::{Hostile, await_request};
use tokio::sync::oneshot;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn e1_wakers_that_panic_or_block_affect_no_component_of_a_program() {
    for flavor in flavors!("chain") {
        for wakers in ["panic", "block", "panic,foreign:block,foreign:wake"] {
            let end = flavor()
                .with(&format!("main=foreign:{wakers},asked"))
                .stop();
            end.expect_code(0)
                .expect_once("main asked")
                .expect_names("emergency", "")
                .expect_names("stop ok", "e d c b a");
            assert_eq!(
                wakers.contains("wake"),
                end.evidence.iter().any(|line| line.what == "main woken"),
            );
        }
    }
}

/// An app with a worker that waits as a task of its own, and in each hostile way; all of the scope of this worker, and of
/// the app.
async fn e1_stops_by_its_deadline() {
    let (woken, is_woken) = oneshot::channel();
    let (app_woken, app_is_woken) = oneshot::channel();
    let mut woken = Some(woken);
    let (waits, is_waiting) = oneshot::channel();
    let mut waits = Some(waits);
    let (handle, woken_in_worker) = (
        std::sync::Mutex::new(waits.take()),
        std::sync::Mutex::new(woken.take()),
    );
    let running = Lifecycle::builder()
        .settings(Settings::default().shutdown_timeout(Duration::from_secs(20)))
        .background("worker", move |shutdown: Shutdown| {
            let waits = handle.lock().expect("no panic").take();
            let woken = woken_in_worker.lock().expect("no panic").take();
            async move {
                for hostile in [Hostile::Panics, Hostile::Blocks, Hostile::Panics] {
                    await_request(&shutdown, hostile, || ());
                }
                await_request(&shutdown, Hostile::Wakes, move || {
                    woken.map(|woken| woken.send(()));
                });
                waits.map(|waits| waits.send(()));
                shutdown.requested().await;
            }
        })
        .background("other", |shutdown: Shutdown| async move {
            shutdown.requested().await;
        })
        .start()
        .await
        .expect("it starts");
    is_waiting.await.expect("the worker waits");
    await_request(&running.shutdown(), Hostile::Blocks, || ());
    await_request(&running.shutdown(), Hostile::Panics, || ());
    await_request(&running.shutdown(), Hostile::Wakes, move || {
        let _ = app_woken.send(());
    });
    let stopped = tokio::time::timeout(LONG, running.stop()).await;
    let report = stopped.expect("`stop` returns");
    assert!(report.is_clean(), "{report}");
    is_woken.await.expect("the waiter behind them is woken");
    app_is_woken
        .await
        .expect("the waiter of the app is woken, too");
}

#[tokio::test]
async fn e1_the_builder_stops_by_its_deadline_on_one_thread() {
    e1_stops_by_its_deadline().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e1_the_builder_stops_by_its_deadline_on_several_threads() {
    e1_stops_by_its_deadline().await;
}
