//! Measures the operations of a running app, each beside its floor and its alternatives in the same run.
//!
//! ```text
//! cargo bench -p lifecycle
//! cargo bench -p lifecycle --bench speed -- admission
//! ```
//!
//! Only the ratios within a run carry over to another machine; `lifecycle/benches/table` prints them. The harness is
//! Criterion, because some benchmarks do not measure the wall-clock time of a closure, but processor time, or how long
//! a child process takes to stop.

mod admission;
mod drained;
mod exit;
mod sleeps;
mod spawn;
mod stop_request;
mod support;

use std::process::ExitCode;

use criterion::Criterion;

fn main() -> ExitCode {
    // The benchmark of exits starts this program again as the one that it measures.
    if let Some(program) = exit::requested() {
        return program();
    }
    let mut criterion = Criterion::default().configure_from_args();
    admission::measure(&mut criterion);
    spawn::measure(&mut criterion);
    stop_request::measure(&mut criterion);
    drained::measure(&mut criterion);
    sleeps::measure(&mut criterion);
    exit::measure(&mut criterion);
    criterion.final_summary();
    ExitCode::SUCCESS
}
