//! Random days: random faults in random hooks, with signals at random instants. On every day the process ends in time;
//! what had started stops once, in reverse order, or runs its emergency hook; and the exit code matches what happened.
//!
//! Each day is drawn from a seed of its own. A failure prints the command that replays its day. The variables:
//!
//! | variable | meaning |
//! | --- | --- |
//! | `RUNS=600` | the number of days |
//! | `SEED=7` | the seed of the first day, from which the other seeds are drawn |
//! | `STRICT=1` | a day is late 10 ms after its deadline, on an idle machine, or 50 ms if `BUSY` is set; the default, for any machine, is 150 ms in three attempts |
//! | `BUSY=3` | threads for each processor that keep it busy |
//! | `ONLY=spin` | only days with that fault |
//! | `LANES=8` | the number of programs that run side by side |
//! | `PROGRAMS=target/abort` | the folder of programs built with another profile |
//! | `PANICS=abort` | panics of these programs abort: only days without a panic, and with outputs that are read |
//!
//! `cargo test -p lifecycle-tests --test load -- --nocapture faults::` shows the table.

use std::collections::HashSet;
use std::time::Duration;

use lifecycle_tests::days::day::Day;
use lifecycle_tests::days::judge::{Cleanup, Machine, judge};
use lifecycle_tests::days::run::{Outcome, run_days};
use lifecycle_tests::days::table::{APPS, FAULTS, Outputs, faults};
use lifecycle_tests::harness::canary::Lateness;
use lifecycle_tests::harness::{End, Line, Program, Signal};
use lifecycle_tests::program;
use lifecycle_tests::random::{runs, seed, seeds};

use crate::MACHINE;

fn program(name: &str) -> Program {
    match name {
        "chain" => program!("chain"),
        "chain_current_thread" => program!("chain_current_thread"),
        "faults" => program!("faults"),
        _ => program!("faults_current_thread"),
    }
}

/// The number in a variable.
fn number(name: &str, usually: usize) -> usize {
    let given = std::env::var(name).ok();
    given.map_or(usually, |number| number.parse().expect("a number"))
}

#[test]
fn every_day_ends_in_time_and_in_order() {
    let _machine = MACHINE.blocking_lock();
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
            .is_none_or(|only| faults().iter().any(|fault| fault.name == only)),
        "there is no fault {only:?}"
    );
    let panics_abort = std::env::var("PANICS").is_ok_and(|panics| panics == "abort");
    let days = seeds(seed())
        .map(Day::of)
        .filter(|day| only.as_ref().is_none_or(|only| day.fault.name == only))
        // A subscriber that cannot write panics, and so does a bridge on the only thread of tokio.
        .filter(|day| {
            let panics = ["panic", "bridge"]
                .iter()
                .any(|step| day.arguments.contains(step));
            !panics_abort || (!panics && day.outputs == Outputs::Read)
        })
        .take(runs(60))
        .collect();
    let tally = run_days(days, number("LANES", 4 * processors), machine, program);
    eprintln!("{tally}");
    let failures = &tally.failures;
    assert!(
        failures.is_empty(),
        "{} days on which something did not hold:\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

/// A day with `c` on top of `b` on top of `a`, asked to stop after 10 ms, with a deadline of 600 ms, and this end.
fn ended(evidence: &str, code: i32, gone: u64) -> (Day, Outcome) {
    let day = Day {
        seed: 0,
        app: &APPS[0],
        fault: FAULTS
            .iter()
            .find(|fault| fault.name == "hang")
            .expect("there is one"),
        besides: false,
        arguments: String::new(),
        shutdown: Duration::from_millis(600),
        start_timeout: None,
        after: "main",
        signals: Vec::new(),
        outputs: Outputs::Read,
    };
    let started = "0 a.start ok, 1 b.start ok, 2 c.start ok, 3 main, 10 main asked, ";
    let line = |line: &str| {
        let (at, what) = line.trim().split_once(' ').expect("an instant");
        Line {
            at: Duration::from_millis(at.parse().expect("milliseconds")),
            what: what.to_owned(),
        }
    };
    let end = End {
        arguments: Vec::new(),
        code: Some(code),
        signal: None,
        at: Duration::from_millis(gone),
        took: Duration::from_millis(gone),
        late: Lateness::default(),
        evidence: format!("{started}{evidence}")
            .split(',')
            .map(line)
            .collect(),
        stderr: String::new(),
        stdout: String::new(),
    };
    let sent = vec![(Duration::from_millis(10), Signal::TERM)];
    let outcome = Outcome {
        end,
        sent,
        hung: false,
    };
    (day, outcome)
}

const STRICT: Machine = Machine {
    tolerance: Duration::from_millis(10),
    busy: 0,
    retries: 0,
};

#[test]
fn correct_days_are_accepted() {
    for (evidence, code, cleanup) in [
        (
            "11 main ok, 20 c.stop, 20 c.stop ok, 21 b.stop, 21 b.stop ok, 22 a.stop, 22 a.stop ok",
            0,
            Cleanup::Reverse,
        ),
        (
            "11 main ok, 20 c.stop, 90 c.emergency, 91 b.stop, 91 b.stop ok, 92 a.stop, 92 a.stop ok",
            3,
            Cleanup::Emergency,
        ),
        (
            "410 c.emergency, 410 b.emergency, 411 a.emergency",
            3,
            Cleanup::Emergency,
        ),
    ] {
        let (day, outcome) = ended(evidence, code, 609);
        let verdict = judge(&day, &outcome, STRICT);
        assert!(verdict.broken.is_empty(), "{verdict:?}");
        assert_eq!(verdict.cleanup, cleanup);
        assert_eq!(verdict.over.map(f64::round), Some(-1.0));
    }
}

#[test]
fn broken_rules_are_found() {
    let all = "11 main ok, 20 c.stop ok, 21 b.stop ok, 22 a.stop ok";
    let cases = [
        (all, 0, 621, "gone 11.0 ms after"),
        (all, 4, 500, "the exit code is 4"),
        (
            "11 main ok, 20 c.stop ok, 22 a.stop ok",
            3,
            500,
            "`b` was neither",
        ),
        (
            "11 main ok, 20 c.emergency, 21 b.stop ok, 22 a.stop ok",
            0,
            500,
            "the exit code is 0",
        ),
        (
            "11 main ok, 20 c.stop ok, 21 a.stop, 21 b.stop ok, 22 a.stop ok",
            0,
            500,
            "`a` was stopped before `b` was over",
        ),
        (
            "400 c.emergency, 401 a.emergency, 402 b.emergency",
            3,
            500,
            "`a` got its emergency hook before `b`",
        ),
        (
            "11 main ok, 20 c.stop, 20 c.stop, 20 c.stop ok, 21 b.stop ok, 22 a.stop ok",
            0,
            500,
            "`c` was stopped 2 times",
        ),
        (
            "11 main ok, 20 c.stop ok, 40 c.emergency, 41 b.stop ok, 42 a.stop ok",
            3,
            500,
            "`c` had stopped clean",
        ),
        (
            "400 c.emergency, 401 b.emergency, 402 a.emergency, 420 a.stop, 420 a.stop fails",
            3,
            500,
            "`a` was stopped after",
        ),
        (
            "11 main ok, 15 d.stop, 20 c.stop ok, 21 b.stop ok, 22 a.stop ok",
            0,
            500,
            "`d` never came up",
        ),
        (
            "20 c.stop, 20 c.stop ok, 21 b.stop ok, 22 a.stop ok",
            0,
            500,
            "while `main` worked",
        ),
    ];
    for (evidence, code, gone, found) in cases {
        let (day, outcome) = ended(evidence, code, gone);
        let broken = judge(&day, &outcome, STRICT).broken;
        assert!(
            broken.len() == 1 && broken[0].contains(found),
            "{found}: {broken:?}"
        );
    }
}

/// The fault calls `exit(5)` at 15 ms.
#[test]
fn a_call_of_exit_has_its_hooks_its_code_and_its_time() {
    let hooks = "16 c.emergency, 16 b.emergency, 17 a.emergency";
    for (hooks, code, gone, found) in [
        (hooks, 5, 400, None),
        (hooks, 3, 400, None),
        (hooks, 0, 400, Some("the exit code is 0")),
        (hooks, 7, 400, Some("the exit code is 7")),
        // The reserve, and the time of a report.
        (hooks, 5, 480, Some("gone 15.0 ms after")),
        (
            "16 c.emergency, 17 a.emergency",
            5,
            400,
            Some("`b` was neither"),
        ),
    ] {
        let (mut day, outcome) = ended(&format!("15 exits, {hooks}"), code, gone);
        let mut faults = FAULTS.iter();
        day.fault = faults
            .find(|fault| fault.name == "exit:5")
            .expect("there is one");
        let broken = judge(&day, &outcome, STRICT).broken;
        let as_found = found.map_or(broken.is_empty(), |found| {
            broken.len() == 1 && broken[0].contains(found)
        });
        assert!(as_found, "{code}, {found:?}: {broken:?}");
    }
}

/// SIGSTOP comes at the given instant, SIGCONT 600 ms later.
#[test]
fn sigstop_extends_the_deadline_only_of_unhandled_signals() {
    let stops = "20 c.stop, 20 c.stop ok, 21 b.stop, 21 b.stop ok, 22 a.stop, 22 a.stop ok";
    let clean = format!("11 main ok, {stops}");
    for (evidence, stopped, gone, found) in [
        // The signal may have been handled after SIGCONT only: then the deadline is at 1,212 ms, otherwise at 825 ms.
        (&clean, 12, 1220, None),
        (&clean, 12, 1230, Some("gone 18.0 ms after")),
        (&clean, 25, 840, Some("gone 15.0 ms after")),
        // The same holds for the end of the last stop.
        (&format!("{clean}, 635 a.emergency"), 31, 640, None),
        (
            &format!("{clean}, 665 a.emergency"),
            60,
            740,
            Some("`a` had stopped clean"),
        ),
    ] {
        let (day, mut outcome) = ended(evidence, 3, gone);
        let at = Duration::from_millis(stopped);
        let goes_on = at + Duration::from_millis(600);
        outcome
            .sent
            .extend([(at, Signal::STOP), (goes_on, Signal::CONT)]);
        let broken = judge(&day, &outcome, STRICT).broken;
        let as_found = found.map_or(broken.is_empty(), |found| {
            broken.len() == 1 && broken[0].contains(found)
        });
        assert!(as_found, "{stopped}, {found:?}: {broken:?}");
    }
}

#[test]
fn a_day_is_replayed_by_its_seed() {
    let days: Vec<u64> = seeds(7).take(200).collect();
    for seed in &days {
        let first = seeds(*seed).next().expect("a seed is the first of its own");
        assert_eq!(
            format!("{:?}", Day::of(first)),
            format!("{:?}", Day::of(*seed))
        );
    }
    let different: HashSet<u64> = days.iter().copied().collect();
    assert_eq!(different.len(), days.len(), "no day comes twice");
}
