//! Many worlds, on as many threads as there are cores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use fastrand::Rng;

use super::generate;
use super::invariants::check;
use super::lead::lead;
use crate::error::panic::panic_message;

pub(super) fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is no number")),
    )
}

/// Runs it for each seed, or for that of `LIFECYCLE_SEED` alone; the first failure names its seed.
pub(super) fn simulate(worlds: u64, run: impl Fn(&mut Rng) + Sync) {
    let began = Instant::now();
    let only = variable("LIFECYCLE_SEED");
    let next = AtomicU64::new(only.unwrap_or(0));
    let end = only.map_or(worlds, |seed| seed + 1);
    let failed = AtomicBool::new(false);
    let failures = Mutex::new(Vec::new());
    let lead_worlds = || {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= end || failed.load(Relaxed) {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(|| run(&mut Rng::with_seed(seed))));
            if let Err(payload) = result {
                failed.store(true, Relaxed);
                failures
                    .lock()
                    .unwrap()
                    .push((seed, panic_message(&*payload)));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(lead_worlds);
        }
    });
    if let Some((seed, message)) = failures.into_inner().unwrap().into_iter().min() {
        panic!(
            "world {seed}: {message}\nreplay: LIFECYCLE_SEED={seed} cargo test -p lifecycle --lib simulation"
        );
    }
    println!(
        "{} worlds in {:.1?}",
        end - only.unwrap_or(0),
        began.elapsed()
    );
}

#[test]
fn the_invariants_hold_in_random_worlds() {
    let worlds = variable("LIFECYCLE_WORLDS").unwrap_or(2_000);
    simulate(worlds, |random| {
        let world = generate::world(random);
        check(&lead(&world, &[]));
    });
}
