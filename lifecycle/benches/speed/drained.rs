//! From the end of the last unit of work to whoever waits for it: to the first `stop`.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use lifecycle::{Lifecycle, resource};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::setting::{one_thread, two_threads};

/// Until then everybody has come to rest and waits.
const REST: Duration = Duration::from_millis(1);

/// When the last resource was told to stop.
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
                released.await.expect("it is released");
                Instant::now()
            });
            sleep(REST).await;
            let begun = Instant::now();
            release.send(()).expect("it is waited for");
            drained.await.expect("it does not panic") - begun
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
            drained.await.expect("it does not panic") - begun
        })
    });
    // Without a thread of the driver's own between: as it is under a paused clock.
    let one = one_thread();
    bench("one thread: oneshot", &|| {
        one.block_on(async {
            let (release, released) = oneshot::channel();
            let drained = tokio::spawn(async move {
                released.await.expect("it is released");
                Instant::now()
            });
            sleep(REST).await;
            let begun = Instant::now();
            release.send(()).expect("it is waited for");
            drained.await.expect("it does not panic") - begun
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
    let app = app.expect("there is nothing to fail");
    let shutdown = app.shutdown();
    let unit = shutdown.admit().expect("it is not draining");
    let told = shutdown.requested();
    shutdown.request();
    told.await;
    sleep(REST).await;
    let begun = Instant::now();
    drop(unit);
    let report = app.stop().await;
    assert!(report.is_clean(), "{report}");
    let mut stopped = STOPPED.lock().unwrap_or_else(PoisonError::into_inner);
    stopped.take().expect("it was stopped") - begun
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
    // At any moment of a period.
    sleep(period.mul_f64(1.0 + fastrand::f64())).await;
    let begun = Instant::now();
    in_flight.store(0, SeqCst);
    drained.await.expect("it does not panic") - begun
}
