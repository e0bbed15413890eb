//! Measures the admission and release of a unit of work.

use std::hint::black_box;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use criterion::Criterion;
use hyper_util::server::graceful::GracefulShutdown;
use tokio_util::task::TaskTracker;

use crate::support::{app, two_threads};

/// A counter on a cache line of its own, together with the line that the processor prefetches with it.
#[derive(Default)]
#[repr(align(128))]
struct Apart(AtomicI64);

impl Apart {
    fn add_and_sub(&self) {
        self.0.fetch_add(1, SeqCst);
        self.0.fetch_sub(1, SeqCst);
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = two_threads();
    let app = runtime.block_on(app());
    let shutdown = app.shutdown();
    let admit = || {
        let _ = black_box(shutdown.admit());
    };
    let tracker = TaskTracker::new();
    let token = || drop(black_box(tracker.token()));
    let graceful = GracefulShutdown::new();
    let watcher = || drop(black_box(graceful.watcher()));

    let mut one = criterion.benchmark_group("admission/one thread");
    let counter = Apart::default();
    one.bench_function("an atomic", |bencher| {
        bencher.iter(|| counter.add_and_sub())
    });
    one.bench_function("lifecycle", |bencher| bencher.iter(admit));
    one.bench_function("TaskTracker::token", |bencher| bencher.iter(token));
    one.bench_function("hyper-util watcher", |bencher| bencher.iter(watcher));
    one.finish();

    let mut two = criterion.benchmark_group("admission/two threads");
    let counters = [Apart::default(), Apart::default()];
    two.bench_function("atomics apart", |bencher| {
        bencher.iter_custom(|times| at_once(times, |thread| counters[thread].add_and_sub()));
    });
    two.bench_function("lifecycle", |bencher| {
        bencher.iter_custom(|times| at_once(times, |_| admit()));
    });
    two.bench_function("TaskTracker::token", |bencher| {
        bencher.iter_custom(|times| at_once(times, |_| token()));
    });
    two.bench_function("hyper-util watcher", |bencher| {
        bencher.iter_custom(|times| at_once(times, |_| watcher()));
    });
    two.finish();
    runtime.block_on(app.stop());
}

/// Runs the work that many times on each of two threads, and returns the average time of a thread.
fn at_once(times: u64, work: impl Fn(usize) + Sync) -> Duration {
    let begin = Arc::new(Barrier::new(2));
    thread::scope(|scope| {
        let threads = [0, 1].map(|thread| {
            let (begin, work) = (Arc::clone(&begin), &work);
            scope.spawn(move || {
                begin.wait();
                let begun = Instant::now();
                for _ in 0..times {
                    work(thread);
                }
                begun.elapsed()
            })
        });
        let took = threads.map(|thread| thread.join().expect("no panic"));
        took.into_iter().sum::<Duration>() / 2
    })
}
