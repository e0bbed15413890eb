//! Measures starting and stopping components that do nothing, beside the same work written by hand, and a slow start
//! beside its critical path.
//!
//! ```text
//! cargo bench -p lifecycle --bench components
//! ```

mod by_hand;
mod delays;
mod parts;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use lifecycle::Builder;
use tokio::runtime::Runtime;

criterion_group!(benches, levels, chain, delays::measure);
criterion_main!(benches);

const LEVELS: usize = 10;

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all();
    builder.build().expect("a runtime")
}

fn levels(criterion: &mut Criterion) {
    measure(
        criterion,
        "components/levels",
        [
            parts::resources::<false>,
            parts::ten_thousand_workers::<false>,
        ],
        |count| (LEVELS, count / LEVELS),
    );
}

fn chain(criterion: &mut Criterion) {
    measure(
        criterion,
        "components/chain",
        [
            parts::resources::<true>,
            parts::ten_thousand_workers::<true>,
        ],
        |count| (count, 1),
    );
}

fn measure(
    criterion: &mut Criterion,
    name: &str,
    [resources, workers]: [fn(usize) -> Builder; 2],
    shape: fn(usize) -> (usize, usize),
) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    for count in [10, 100, 1_000, 10_000] {
        let (levels, width) = shape(count);
        // In a task, because a spawn from outside the runtime takes another path.
        group.bench_function(BenchmarkId::new("by dependencies", count), |bencher| {
            bencher.iter(|| {
                let work = runtime.spawn(by_hand::by_dependencies(levels, width));
                runtime.block_on(work).expect("no panic");
            });
        });
        group.bench_function(BenchmarkId::new("JoinSet by level", count), |bencher| {
            bencher.iter(|| {
                let work = runtime.spawn(by_hand::level_by_level(levels, width));
                runtime.block_on(work).expect("no panic");
            });
        });
        let app = if count < 10_000 { resources } else { workers };
        group.bench_function(BenchmarkId::new("lifecycle", count), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| run(&runtime, app(count))).sum());
        });
    }
    group.finish();
}

/// A whole run: the plan, the start, the stop and the report.
fn run(runtime: &Runtime, app: Builder) -> Duration {
    let begun = Instant::now();
    let report = runtime.block_on(async {
        let running = app.start().await.expect("the app starts");
        running.stop().await
    });
    let took = begun.elapsed();
    assert!(report.is_clean(), "{report}");
    took
}
