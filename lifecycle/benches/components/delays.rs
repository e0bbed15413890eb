//! Measures starts with delays, beside the sum of the slowest delays of each order.

use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use lifecycle::{Lifecycle, resource};
use tokio::time::sleep;

use super::runtime;

const STEP: Duration = Duration::from_millis(10);

/// A resource of that order whose start takes that many steps.
macro_rules! slow {
    ($name:ident, $order:literal, $steps:literal) => {
        struct $name;

        #[resource(order = $order)]
        impl $name {
            async fn start() -> Self {
                sleep(STEP * $steps).await;
                Self
            }
        }
    };
}

slow!(Config, 0, 1);
slow!(Secrets, 0, 2);
slow!(Database, 1, 4);
slow!(Cache, 1, 3);
slow!(Queue, 1, 1);
slow!(Index, 2, 3);
slow!(Model, 2, 5);
slow!(Listener, 3, 1);

/// The slowest of each order: secrets, database, model, listener.
const CRITICAL: [u32; 4] = [2, 4, 5, 1];

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("start with delays");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.bench_function("critical path", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                for steps in CRITICAL {
                    let slowest = tokio::spawn(sleep(STEP * steps));
                    slowest.await.expect("no panic");
                }
            });
        });
    });
    group.bench_function("lifecycle", |bencher| {
        bencher.iter_custom(|times| {
            let mut sum = Duration::ZERO;
            for _ in 0..times {
                runtime.block_on(async {
                    let app = Lifecycle::builder()
                        .resource::<Config>()
                        .resource::<Secrets>()
                        .resource::<Database>()
                        .resource::<Cache>()
                        .resource::<Queue>()
                        .resource::<Index>()
                        .resource::<Model>()
                        .resource::<Listener>();
                    let begun = Instant::now();
                    let running = app.start().await.expect("the app starts");
                    sum += begun.elapsed();
                    running.stop().await;
                });
            }
            sum
        });
    });
    group.finish();
}
