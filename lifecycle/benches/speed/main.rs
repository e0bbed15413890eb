//! How fast it is, each figure beside its floor and its alternatives in the same run.
//!
//! ```text
//! cargo bench -p lifecycle
//! cargo bench -p lifecycle --bench speed -- admission
//! ```
//!
//! Only the ratios within a run carry over to another machine: `lifecycle/benches/table` prints them. Criterion, since
//! some of it is no wall-clock time of a closure: processor time, or that of a process which is told to stop.

mod admission;
mod drained;
mod exit;
mod setting;
mod sleeps;
mod spawn;
mod telling;

use std::process::ExitCode;

use criterion::Criterion;

fn main() -> ExitCode {
    // This program is started again as the programs that it tells to stop.
    if let Some(program) = exit::asked_for() {
        return program();
    }
    let mut criterion = Criterion::default().configure_from_args();
    admission::measure(&mut criterion);
    spawn::measure(&mut criterion);
    telling::measure(&mut criterion);
    drained::measure(&mut criterion);
    sleeps::measure(&mut criterion);
    exit::measure(&mut criterion);
    criterion.final_summary();
    ExitCode::SUCCESS
}
