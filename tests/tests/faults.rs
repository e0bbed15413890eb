//! Random faults in random hooks, with signals at random instants: whatever happens, what must hold holds. It ends, in
//! time; what came up is stopped once, in reverse, or gets its emergency hook; the exit code says what happened.
//!
//! Each day is drawn from a seed of its own; a failure prints the line that lives that very day again. What can be set:
//!
//! | variable | meaning |
//! | --- | --- |
//! | `RUNS=600` | how many days |
//! | `SEED=7` | what the days are drawn from; it is the seed of the first |
//! | `STRICT=1` | late is 10 ms after the deadline, on a machine that does nothing else, or 50 ms where `BUSY` is set. Otherwise it is 150 ms, three times in a row, for any machine |
//! | `BUSY=3` | so many threads a processor compute all the time |
//! | `ONLY=spin` | only days of that fault |
//! | `LANES=8` | how many programs run side by side |
//!
//! `cargo test -p lifecycle-tests --test faults -- --nocapture` shows the table.

use std::time::Duration;

use lifecycle_tests::days::day::Day;
use lifecycle_tests::days::judge::Machine;
use lifecycle_tests::days::live::live_all;
use lifecycle_tests::days::table::FAULTS;
use lifecycle_tests::program;
use lifecycle_tests::random::{derived, runs, seed};
use lifecycle_tests::run::Program;

fn program(name: &str) -> Program {
    match name {
        "chain" => program!("chain"),
        "chain_current_thread" => program!("chain_current_thread"),
        "faults" => program!("faults"),
        _ => program!("faults_current_thread"),
    }
}

/// The number that the variable has.
fn number(name: &str, usually: usize) -> usize {
    let given = std::env::var(name).ok();
    given.map_or(usually, |number| number.parse().expect("a number"))
}

#[test]
fn whatever_goes_wrong_the_day_ends_in_time_and_in_order() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let busy = number("BUSY", 0) * processors;
    let strict = number("STRICT", 0);
    let tolerance = match (strict, busy) {
        (0, _) => 150,
        (_, 0) => 10,
        _ => 50,
    };
    let machine = Machine {
        tolerance: Duration::from_millis(tolerance),
        busy,
        retries: if strict == 0 { 2 } else { 0 },
    };
    let only = std::env::var("ONLY").ok();
    assert!(
        only.as_ref()
            .is_none_or(|only| FAULTS.iter().any(|fault| fault.name == only)),
        "there is no fault {only:?}"
    );
    let seed = seed();
    let days = (0..)
        .map(|number| Day::of(derived(seed, number)))
        .filter(|day| only.as_ref().is_none_or(|only| day.fault.name == only))
        .take(runs(60))
        .collect();
    let tally = live_all(days, number("LANES", 4 * processors), machine, program);
    eprintln!("{tally}");
    let failures = &tally.failures;
    assert!(
        failures.is_empty(),
        "{} days on which something did not hold:\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}
