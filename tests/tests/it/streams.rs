//! Interrupted streams, and how the drain waits for their saves: in this process, on a paused clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use lifecycle::{
    InterruptReason, InterruptibleStream as _, Lifecycle, Running, Shutdown, resource,
};
use lifecycle_tests::in_process::settings;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// Saves partial answers as long as it is open.
struct Store {
    open: AtomicBool,
    saved: Mutex<Vec<(String, InterruptReason)>>,
}

#[resource]
impl Store {
    fn start() -> Self {
        Self {
            open: AtomicBool::new(true),
            saved: Mutex::default(),
        }
    }

    async fn stop(&self) {
        self.open.store(false, Ordering::SeqCst);
    }
}

impl Store {
    async fn save(&self, text: String, why: InterruptReason, takes: Duration) {
        sleep(takes).await;
        assert!(self.open.load(Ordering::SeqCst), "it is closed");
        self.saved
            .lock()
            .expect("no panic under the lock")
            .push((text, why));
    }

    fn saved(&self) -> Vec<(String, InterruptReason)> {
        self.saved.lock().expect("no panic under the lock").clone()
    }
}

/// One token a second, without an end.
fn tokens() -> impl Stream<Item = char> {
    let letters = stream::iter(('a'..='z').cycle());
    letters.then(|letter| async move {
        sleep(SECOND).await;
        letter
    })
}

fn answer(
    store: Arc<Store>,
    shutdown: &Shutdown,
    takes: Duration,
) -> impl Stream<Item = char> + Send + Unpin + use<> {
    tokens()
        .interruptible(shutdown)
        .collecting(String::new(), |text, letter| text.push(*letter))
        .on_interrupt(async move |text, why| {
            store.save(text, why, takes).await;
            Some('!')
        })
}

/// A number of tokens, which may be finished while more than three quarters of a second remain.
fn finishing(
    tokens_in_all: usize,
    store: Arc<Store>,
    shutdown: &Shutdown,
) -> impl Stream<Item = char> + Send + Unpin + use<> {
    Box::pin(tokens().take(tokens_in_all))
        .interruptible(shutdown)
        .collecting(String::new(), |text, letter| text.push(*letter))
        .finishing(SECOND * 3 / 4)
        .on_interrupt(async move |text, why| {
            store.save(text, why, SECOND / 2).await;
            Some('!')
        })
}

async fn started() -> (Running, Arc<Store>) {
    let builder = Lifecycle::builder().settings(settings());
    let running = builder
        .resource::<Store>()
        .start()
        .await
        .expect("it starts");
    let store = running.get::<Store>().expect("it is up");
    (running, store)
}

#[tokio::test(start_paused = true)]
async fn the_drain_waits_for_the_save_and_the_client_receives_the_end_marker() {
    let (running, store) = started().await;
    let answer = answer(Arc::clone(&store), &running.shutdown(), 3 * SECOND);
    let client = tokio::spawn(answer.collect::<String>());
    sleep(4 * SECOND + SECOND / 2).await;
    let report = running.stop().await;
    assert!(report.is_clean() && report.aborted_work() == 0, "{report}");
    let took = report.shutdown().as_millis();
    assert!((3000..3100).contains(&took), "{took} ms: {report}");
    assert_eq!(
        store.saved(),
        [("abcd".to_owned(), InterruptReason::Shutdown)]
    );
    assert_eq!(client.await.expect("it ends"), "abcd!");
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_reader_is_saved_before_the_store_closes() {
    let (running, store) = started().await;
    let mut answer = answer(Arc::clone(&store), &running.shutdown(), SECOND);
    answer.next().await;
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(store.saved(), [("a".to_owned(), InterruptReason::Shutdown)]);
    assert_eq!(answer.collect::<String>().await, "!");
}

#[tokio::test(start_paused = true)]
async fn the_drain_waits_for_the_saves_of_dropped_streams() {
    for drains in [false, true] {
        let (running, store) = started().await;
        let mut answer = answer(Arc::clone(&store), &running.shutdown(), 3 * SECOND);
        answer.next().await;
        if drains {
            tokio::spawn(async move {
                sleep(2 * SECOND).await;
                drop(answer);
            });
        } else {
            drop(answer);
        }
        let report = running.stop().await;
        assert!(report.is_clean() && report.aborted_work() == 0, "{report}");
        let took = report.shutdown().as_millis();
        assert!((3000..3100).contains(&took), "{took} ms: {report}");
        let why = if drains {
            InterruptReason::Shutdown
        } else {
            InterruptReason::ConsumerGone
        };
        assert_eq!(store.saved(), [("a".to_owned(), why)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_save_that_exceeds_the_drain_is_counted_as_cancelled() {
    let (running, store) = started().await;
    let answer = answer(Arc::clone(&store), &running.shutdown(), 3600 * SECOND);
    let client = tokio::spawn(answer.collect::<String>());
    sleep(SECOND * 3 / 2).await;
    let report = running.stop().await;
    assert_eq!(
        (report.exit_code(), report.aborted_work()),
        (3, 1),
        "{report}"
    );
    let took = report.shutdown().as_millis();
    assert!((8000..8200).contains(&took), "{took} ms: {report}");
    assert_eq!(store.saved(), []);
    assert!(!client.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_begins_while_draining_has_only_its_end_marker() {
    let (running, store) = started().await;
    let shutdown = running.shutdown();
    let saves = Arc::clone(&store);
    let late = tokio::spawn(async move {
        // Keeps the drain waiting.
        let work = shutdown.admit().expect("the app runs");
        shutdown.requested().await;
        let text: String = answer(saves, &shutdown, SECOND).collect().await;
        drop(work);
        text
    });
    tokio::task::yield_now().await;
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(late.await.expect("it ends"), "!");
    assert_eq!(store.saved(), [(String::new(), InterruptReason::Shutdown)]);
}

#[tokio::test(start_paused = true)]
async fn a_finishing_stream_ends_in_the_drain_or_is_saved_within_the_margin() {
    for late in [false, true] {
        for (tokens, text, saved, took) in [
            (5, "abcde", vec![], 5),
            (99, "abcdefg!", vec!["abcdefg"], 7),
        ] {
            let (running, store) = started().await;
            let shutdown = running.shutdown();
            let saves = Arc::clone(&store);
            // Created before the drain, or by work that was admitted before it.
            let client = tokio::spawn(async move {
                let work = shutdown.admit().expect("the app runs");
                if late {
                    shutdown.requested().await;
                }
                let stream = finishing(tokens, saves, &shutdown);
                drop(work);
                stream.collect::<String>().await
            });
            tokio::task::yield_now().await;
            let report = running.stop().await;
            assert!(report.is_clean() && report.aborted_work() == 0, "{report}");
            assert_eq!(report.shutdown().as_secs(), took, "{report}");
            assert_eq!(client.await.expect("it ends"), text);
            let saved: Vec<_> = saved
                .into_iter()
                .map(|text| (text.to_owned(), InterruptReason::Shutdown))
                .collect();
            assert_eq!(store.saved(), saved);
        }
    }
}
