//! Spawning a task that ends at once, and hearing of its end.

use criterion::{Criterion, Throughput};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use crate::setting::{app, one_thread, two_threads};

/// How many are spawned before the first one is awaited.
const TASKS: usize = 1_000;

pub(crate) fn measure(criterion: &mut Criterion) {
    measure_on(criterion, "spawn/one thread", &one_thread());
    measure_on(criterion, "spawn/two threads", &two_threads());
}

fn measure_on(criterion: &mut Criterion, name: &str, runtime: &Runtime) {
    let app = runtime.block_on(app());
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(TASKS as u64));
    group.bench_function("tokio::spawn", |bencher| {
        bencher.iter(|| {
            inside(runtime, async {
                let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(async {})).collect();
                for task in tasks {
                    task.await.expect("it does not panic");
                }
            });
        });
    });
    let tasks = app.shutdown().tasks();
    group.bench_function("lifecycle", |bencher| {
        bencher.iter(|| {
            let tasks = tasks.clone();
            inside(runtime, async move {
                let tasks: Vec<_> = (0..TASKS).map(|_| tasks.spawn("task", async {})).collect();
                for task in tasks {
                    task.await.expect("it does not panic");
                }
            });
        });
    });
    let tracker = TaskTracker::new();
    group.bench_function("TaskTracker", |bencher| {
        bencher.iter(|| {
            let tracker = tracker.clone();
            inside(runtime, async move {
                let tasks: Vec<_> = (0..TASKS).map(|_| tracker.spawn(async {})).collect();
                for task in tasks {
                    task.await.expect("it does not panic");
                }
            });
        });
    });
    group.bench_function("JoinSet", |bencher| {
        bencher.iter(|| {
            inside(runtime, async {
                let mut set = JoinSet::new();
                for _ in 0..TASKS {
                    set.spawn(async {});
                }
                while let Some(task) = set.join_next().await {
                    task.expect("it does not panic");
                }
            });
        });
    });
    group.finish();
    runtime.block_on(app.stop());
}

/// In a task, as a server spawns: what is spawned from outside of the runtime goes another way.
fn inside(runtime: &Runtime, work: impl Future<Output = ()> + Send + 'static) {
    let work = runtime.spawn(work);
    runtime.block_on(work).expect("it does not panic");
}
