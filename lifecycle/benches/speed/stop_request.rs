//! Measures the time from a request to stop until the last of the waiting tasks has ended.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::AcqRel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode};
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::support::{app, two_threads};

/// Counts the tasks that have begun to wait, and those that have ended.
#[derive(Clone)]
struct Crowd {
    waiting: Arc<Countdown>,
    running: Arc<Countdown>,
}

/// Sends a message when it has been counted down to zero.
struct Countdown {
    remaining: AtomicUsize,
    over: Mutex<Option<oneshot::Sender<()>>>,
}

impl Countdown {
    fn new(count: usize) -> (Arc<Self>, oneshot::Receiver<()>) {
        let (over, is_over) = oneshot::channel();
        let countdown = Self {
            remaining: AtomicUsize::new(count),
            over: Mutex::new(Some(over)),
        };
        (Arc::new(countdown), is_over)
    }

    fn count(&self) {
        if self.remaining.fetch_sub(1, AcqRel) == 1 {
            let over = self.over.lock().expect("no panic under the lock").take();
            let _ = over.expect("one message").send(());
        }
    }
}

impl Crowd {
    /// The work of each task: it awaits the request, which it begins with its first poll.
    async fn wait(self, requested: impl Future) {
        let mut requested = std::pin::pin!(requested);
        let mut counted = false;
        std::future::poll_fn(|context| {
            let poll = requested.as_mut().poll(context).map(drop);
            if !std::mem::replace(&mut counted, true) {
                self.waiting.count();
            }
            poll
        })
        .await;
        self.running.count();
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = two_threads();
    let mut group = criterion.benchmark_group("stop request");
    group.sampling_mode(SamplingMode::Flat);
    for count in [100_usize, 10_000, 100_000] {
        group.sample_size(if count > 10_000 { 20 } else { 50 });
        let mut bench = |name: &str, round: &dyn Fn() -> Duration| {
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter_custom(|times| (0..times).map(|_| round()).sum());
            });
        };
        bench("Notify", &|| {
            let notify = Arc::new(Notify::new());
            let waiter = Arc::clone(&notify);
            let requested = move || {
                let notify = Arc::clone(&waiter);
                async move { notify.notified().await }
            };
            runtime.block_on(round(count, requested, move || notify.notify_waiters()))
        });
        bench("lifecycle", &|| {
            runtime.block_on(async {
                let app = app().await;
                let shutdown = app.shutdown();
                let requester = shutdown.clone();
                let took = round(
                    count,
                    move || shutdown.requested(),
                    move || requester.request(),
                );
                let took = took.await;
                app.stop().await;
                took
            })
        });
        // Until the report and not the countdown: the app itself awaits these tasks.
        bench("lifecycle, to the report", &|| {
            runtime.block_on(async {
                let app = app().await;
                let (waiting, all_wait) = Countdown::new(count);
                let (running, _all_ended) = Countdown::new(count);
                let crowd = Crowd { waiting, running };
                let shutdown = app.shutdown();
                let tasks = shutdown.tasks();
                for _ in 0..count {
                    drop(tasks.spawn("waits", crowd.clone().wait(shutdown.requested())));
                }
                all_wait.await.expect("all tasks count down");
                let begun = Instant::now();
                let report = app.stop().await;
                let took = begun.elapsed();
                assert!(report.is_clean(), "{report}");
                took
            })
        });
        bench("CancellationToken", &|| {
            let token = CancellationToken::new();
            let waiter = token.clone();
            let requested = move || waiter.clone().cancelled_owned();
            runtime.block_on(round(count, requested, move || token.cancel()))
        });
        bench("child tokens", &|| {
            let token = CancellationToken::new();
            let parent = token.clone();
            let requested = move || parent.child_token().cancelled_owned();
            runtime.block_on(round(count, requested, move || token.cancel()))
        });
        bench("watch", &|| {
            let (sender, receiver) = watch::channel(false);
            let requested = move || {
                let mut receiver = receiver.clone();
                async move {
                    let _ = receiver.wait_for(|requested| *requested).await;
                }
            };
            runtime.block_on(round(count, requested, move || sender.send_replace(true)))
        });
    }
    group.finish();
}

/// Returns the time from `request` until the last of the tasks, each of which awaits a future of `requested`, has
/// ended.
async fn round<F, T>(
    count: usize,
    requested: impl Fn() -> F,
    request: impl FnOnce() -> T,
) -> Duration
where
    F: Future + Send + 'static,
{
    let (waiting, all_wait) = Countdown::new(count);
    let (running, all_ended) = Countdown::new(count);
    let crowd = Crowd { waiting, running };
    for _ in 0..count {
        tokio::spawn(crowd.clone().wait(requested()));
    }
    all_wait.await.expect("all tasks count down");
    let begun = Instant::now();
    request();
    all_ended.await.expect("all tasks count down");
    begun.elapsed()
}
