//! Runs days: starts their programs, sends their signals, and waits for their ends.

use std::hint::spin_loop;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::day::Day;
use super::judge::{Machine, judge};
use super::table::Outputs;
use super::tally::Tally;
use crate::harness::evidence::now;
use crate::harness::{End, Program, Signal, full, gone};

/// A program that still runs this long after its deadline hangs.
const HANGS: Duration = Duration::from_secs(10);
/// The longest wait of the first signal for the start of the program, which may hang.
const UP: Duration = Duration::from_millis(100);

/// How a day ended.
#[derive(Debug)]
pub struct Outcome {
    /// The end of the program.
    pub end: End,
    /// The signals, with the instants at which they were sent.
    pub sent: Vec<(Duration, Signal)>,
    /// The program did not end, and was killed.
    pub hung: bool,
}

/// Runs one day.
#[must_use]
pub fn run_day(day: &Day, program: Program) -> Outcome {
    let mut program = match day.outputs {
        Outputs::Closed => program.through("exec \"$@\" >&- 2>&-"),
        _ => program,
    }
    .with(&day.arguments);
    for (name, value) in day.variables() {
        program = program.env(&name, value);
    }
    let mut kept = None;
    match day.outputs {
        Outputs::Read => {}
        Outputs::Closed => program = program.env("LOG", "debug"),
        Outputs::Gone => program = program.env("LOG", "debug").stdout(gone()).stderr(gone()),
        Outputs::Full => {
            let ((reader, stdout), (other, stderr)) = (full(), full());
            kept = Some((reader, other));
            program = program.env("LOG", "debug").stdout(stdout).stderr(stderr);
        }
    }
    let mut run = program.start();
    let mut sent = Vec::new();
    // Before this a signal has its default effect, and there is nothing to stop yet.
    run.until_within("init", HANGS);
    run.until_within(day.after, UP);
    for (pause, signal) in &day.signals {
        if !pause.is_zero() && run.ends_within(*pause) {
            break;
        }
        sent.push((run.try_signal(*signal), *signal));
    }
    let last = sent.last().map_or_else(now, |(at, _)| *at);
    let limit = (last + day.shutdown + HANGS).saturating_sub(now());
    let hung = !run.ends_within(limit);
    if hung {
        run.try_signal(Signal::KILL);
    }
    let end = run.end();
    drop(kept);
    Outcome { end, sent, hung }
}

/// Runs days, a number of them side by side; heavy ones one after the other.
#[must_use]
pub fn run_days(
    days: Vec<Day>,
    side_by_side: usize,
    machine: Machine,
    program: impl Fn(&str) -> Program + Sync,
) -> Tally {
    let tally = Mutex::new(Tally::default());
    let (heavy, light): (Vec<Day>, Vec<Day>) = days.into_iter().partition(|day| day.fault.heavy);
    let (heavy, light) = (Mutex::new(heavy), Mutex::new(light));
    let work_off = |days: &Mutex<Vec<Day>>| {
        loop {
            let day = days.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(day) = day else { return };
            for retries in (0..=machine.retries).rev() {
                let outcome = run_day(&day, program(day.app.program));
                let verdict = judge(&day, &outcome, machine);
                // If the process or the machine was late, things may have happened in another order, or not at all: the
                // shortest timeouts of a day are an eighth of its deadline.
                let bearable = machine.tolerance.min(day.shutdown / 16);
                let machine_was_late = outcome.end.late.total() > bearable;
                let again = retries > 0
                    && (verdict.late || (machine_was_late && !verdict.broken.is_empty()));
                let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                if again {
                    tally.again += 1;
                } else {
                    tally.add(&day, &outcome, verdict);
                    break;
                }
            }
        }
    };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..machine.busy {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        let mut lanes = vec![scope.spawn(|| {
            work_off(&heavy);
            work_off(&light);
        })];
        lanes.extend((1..side_by_side).map(|_| scope.spawn(|| work_off(&light))));
        let failed = lanes.into_iter().any(|lane| lane.join().is_err());
        over.store(true, Ordering::Relaxed);
        assert!(!failed, "a day could not be led");
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}
