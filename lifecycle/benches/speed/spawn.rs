//! Measures spawning a task that ends at once, and awaiting it.

use criterion::{Criterion, Throughput};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use crate::support::{app, one_thread, two_threads};

/// The number of tasks that are spawned before the first one is awaited.
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
                    task.await.expect("no panic");
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
                    task.await.expect("no panic");
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
                    task.await.expect("no panic");
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
                    task.expect("no panic");
                }
            });
        });
    });
    group.finish();
    runtime.block_on(app.stop());
}

/// Runs the work in a task, because servers spawn from tasks: a spawn from outside the runtime takes another path.
fn inside(runtime: &Runtime, work: impl Future<Output = ()> + Send + 'static) {
    let work = runtime.spawn(work);
    runtime.block_on(work).expect("no panic");
}
