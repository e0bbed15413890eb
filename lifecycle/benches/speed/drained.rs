//! Measures the time from the end of the last unit of work to the first `stop`, or to the task that waits for it.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use lifecycle::{Lifecycle, resource};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::support::{one_thread, two_threads};

/// How long to wait until all tasks are idle.
const REST: Duration = Duration::from_millis(1);

/// When `stop` of the resource was called.
static STOPPED: Mutex<Option<Instant>> = Mutex::new(None);

struct Stopping;

#[resource]
impl Stopping {
    fn start() -> Self {
        Self
    }

    async fn stop(&self) {
        *STOPPED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = two_threads();
    let mut bench = |name: &str, round: &dyn Fn() -> Duration| {
        let (group, name) = name.split_once(": ").expect("a group and a name");
        let mut group = criterion.benchmark_group(format!("drained/{group}"));
        group.sampling_mode(SamplingMode::Flat);
        if name.starts_with("polling") {
            group.sample_size(20);
        }
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| round()).sum());
        });
        group.finish();
    };
    bench("two threads: oneshot", &|| {
        runtime.block_on(async {
            let (release, released) = oneshot::channel();
            let drained = tokio::spawn(async move {
                released.await.expect("a release");
                Instant::now()
            });
            sleep(REST).await;
            let begun = Instant::now();
            release.send(()).expect("a receiver");
            drained.await.expect("no panic") - begun
        })
    });
    bench("two threads: lifecycle", &|| {
        runtime.block_on(by_lifecycle())
    });
    bench("two threads: TaskTracker::wait", &|| {
        runtime.block_on(async {
            let tracker = TaskTracker::new();
            let unit = tracker.token();
            tracker.close();
            let drained = tokio::spawn(async move {
                tracker.wait().await;
                Instant::now()
            });
            sleep(REST).await;
            let begun = Instant::now();
            drop(unit);
            drained.await.expect("no panic") - begun
        })
    });
    // Under a paused clock, the driver is a task of this runtime and not a thread of its own.
    let one = one_thread();
    bench("one thread: oneshot", &|| {
        one.block_on(async {
            let (release, released) = oneshot::channel();
            let drained = tokio::spawn(async move {
                released.await.expect("a release");
                Instant::now()
            });
            sleep(REST).await;
            let begun = Instant::now();
            release.send(()).expect("a receiver");
            drained.await.expect("no panic") - begun
        })
    });
    bench("one thread: lifecycle", &|| {
        let runtime = one_thread();
        runtime.block_on(async {
            tokio::time::pause();
            by_lifecycle().await
        })
    });
    for period in [10, 100] {
        let name = format!("two threads: polling every {period} ms");
        let period = Duration::from_millis(period);
        bench(&name, &|| runtime.block_on(by_polling(period)));
    }
}

async fn by_lifecycle() -> Duration {
    let app = Lifecycle::builder().resource::<Stopping>().start().await;
    let app = app.expect("the app starts");
    let shutdown = app.shutdown();
    let unit = shutdown.admit().expect("admission is open");
    let stop_requested = shutdown.requested();
    shutdown.request();
    stop_requested.await;
    sleep(REST).await;
    let begun = Instant::now();
    drop(unit);
    let report = app.stop().await;
    assert!(report.is_clean(), "{report}");
    let mut stopped = STOPPED.lock().unwrap_or_else(PoisonError::into_inner);
    stopped.take().expect("`stop` was called") - begun
}

async fn by_polling(period: Duration) -> Duration {
    let in_flight = Arc::new(AtomicUsize::new(1));
    let looked_at = Arc::clone(&in_flight);
    let drained = tokio::spawn(async move {
        while looked_at.load(SeqCst) > 0 {
            sleep(period).await;
        }
        Instant::now()
    });
    // At a random moment of a period.
    sleep(period.mul_f64(1.0 + fastrand::f64())).await;
    let begun = Instant::now();
    in_flight.store(0, SeqCst);
    drained.await.expect("no panic") - begun
}
