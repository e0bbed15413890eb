//! Measures the processor time of 1,000 interruptible sleeps of one second.

use std::time::Duration;

use criterion::{Criterion, SamplingMode};
use tokio_util::sync::CancellationToken;

use crate::support::{app, one_thread, processor_time};

const SLEEPERS: usize = 1_000;
const LENGTH: Duration = Duration::from_secs(1);

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sleeps");
    // Each iteration takes a second.
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    let runtime = one_thread();
    let app = runtime.block_on(app());
    let shutdown = app.shutdown();
    let token = CancellationToken::new();
    let mut bench = |name: &str, round: &dyn Fn()| {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let before = processor_time();
                (0..times).for_each(|_| round());
                processor_time() - before
            });
        });
    };
    bench("tokio::time::sleep", &|| {
        runtime.block_on(sleepers(|| tokio::time::sleep(LENGTH)));
    });
    bench("lifecycle", &|| {
        runtime.block_on(sleepers(|| {
            let shutdown = shutdown.clone();
            async move {
                let _ = shutdown.sleep(LENGTH).await;
            }
        }));
    });
    bench("run_until_cancelled", &|| {
        runtime.block_on(sleepers(|| {
            let token = token.clone();
            async move {
                token.run_until_cancelled(tokio::time::sleep(LENGTH)).await;
            }
        }));
    });
    bench("steps of 10 ms", &|| {
        runtime.block_on(sleepers(|| {
            let token = token.clone();
            async move {
                let step = Duration::from_millis(10);
                for _ in 0..LENGTH.as_millis() / step.as_millis() {
                    if token.is_cancelled() {
                        break;
                    }
                    tokio::time::sleep(step).await;
                }
            }
        }));
    });
    group.finish();
    runtime.block_on(app.stop());
}

async fn sleepers<F>(sleep: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let tasks: Vec<_> = (0..SLEEPERS).map(|_| tokio::spawn(sleep())).collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}
