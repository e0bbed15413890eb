//! Telling waiting tasks to stop, until the last one has ended.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::AcqRel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode};
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::setting::{app, two_threads};

/// Says when all have begun to wait, and when all have ended.
#[derive(Clone)]
struct Crowd {
    waiting: Arc<Countdown>,
    left: Arc<Countdown>,
}

/// Tells when it has been counted down.
struct Countdown {
    left: AtomicUsize,
    over: Mutex<Option<oneshot::Sender<()>>>,
}

impl Countdown {
    fn new(count: usize) -> (Arc<Self>, oneshot::Receiver<()>) {
        let (over, is_over) = oneshot::channel();
        let countdown = Self {
            left: AtomicUsize::new(count),
            over: Mutex::new(Some(over)),
        };
        (Arc::new(countdown), is_over)
    }

    fn count(&self) {
        if self.left.fetch_sub(1, AcqRel) == 1 {
            let over = self.over.lock().expect("nobody panics under it").take();
            let _ = over.expect("it is over once").send(());
        }
    }
}

impl Crowd {
    /// What each of the tasks does: `told` waits from its first poll on.
    async fn wait(self, told: impl Future) {
        let mut told = std::pin::pin!(told);
        let mut counted = false;
        std::future::poll_fn(|context| {
            let poll = told.as_mut().poll(context).map(drop);
            if !std::mem::replace(&mut counted, true) {
                self.waiting.count();
            }
            poll
        })
        .await;
        self.left.count();
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = two_threads();
    let mut group = criterion.benchmark_group("telling");
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
            let told = move || {
                let notify = Arc::clone(&waiter);
                async move { notify.notified().await }
            };
            runtime.block_on(round(count, told, move || notify.notify_waiters()))
        });
        bench("lifecycle", &|| {
            runtime.block_on(async {
                let app = app().await;
                let shutdown = app.shutdown();
                let asked = shutdown.clone();
                let took = round(count, move || shutdown.requested(), move || asked.request());
                let took = took.await;
                app.stop().await;
                took
            })
        });
        // Not a countdown of their own: it is the app that waits for them, and the report that says so.
        bench("lifecycle, to the report", &|| {
            runtime.block_on(async {
                let app = app().await;
                let (waiting, all_wait) = Countdown::new(count);
                let (left, _all_left) = Countdown::new(count);
                let crowd = Crowd { waiting, left };
                let shutdown = app.shutdown();
                let tasks = shutdown.tasks();
                for _ in 0..count {
                    drop(tasks.spawn("waits", crowd.clone().wait(shutdown.requested())));
                }
                all_wait.await.expect("all of them count");
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
            let told = move || waiter.clone().cancelled_owned();
            runtime.block_on(round(count, told, move || token.cancel()))
        });
        bench("child tokens", &|| {
            let token = CancellationToken::new();
            let parent = token.clone();
            let told = move || parent.child_token().cancelled_owned();
            runtime.block_on(round(count, told, move || token.cancel()))
        });
        bench("watch", &|| {
            let (tell, told) = watch::channel(false);
            let told = move || {
                let mut told = told.clone();
                async move {
                    let _ = told.wait_for(|told| *told).await;
                }
            };
            runtime.block_on(round(count, told, move || tell.send_replace(true)))
        });
    }
    group.finish();
}

/// From `tell` until the last of the tasks has ended.
async fn round<F, T>(count: usize, told: impl Fn() -> F, tell: impl FnOnce() -> T) -> Duration
where
    F: Future + Send + 'static,
{
    let (waiting, all_wait) = Countdown::new(count);
    let (left, all_left) = Countdown::new(count);
    let crowd = Crowd { waiting, left };
    for _ in 0..count {
        tokio::spawn(crowd.clone().wait(told()));
    }
    all_wait.await.expect("all of them count");
    let begun = Instant::now();
    tell();
    all_left.await.expect("all of them count");
    begun.elapsed()
}
