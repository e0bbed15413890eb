//! The outcome of many days.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::day::Day;
use super::judge::{Cleanup, Verdict};
use super::run::Outcome;
use super::table::FAULTS;

/// The outcome of many days, by fault.
#[derive(Debug, Default)]
pub struct Tally {
    rows: BTreeMap<&'static str, Row>,
    /// The number of days that were late, and were repeated.
    pub again: usize,
    /// The days on which a rule was broken.
    pub failures: Vec<String>,
}

#[derive(Debug, Default, Clone)]
struct Row {
    runs: usize,
    hangs: usize,
    failures: usize,
    /// In milliseconds after the deadline, negative before it.
    worst: Option<f64>,
    codes: BTreeSet<i32>,
    nothing: usize,
    reverse: usize,
    emergency: usize,
    without: usize,
}

impl Row {
    fn join(&mut self, other: &Self) {
        self.runs += other.runs;
        self.hangs += other.hangs;
        self.failures += other.failures;
        self.worst = [self.worst, other.worst]
            .into_iter()
            .flatten()
            .reduce(f64::max);
        self.codes.extend(&other.codes);
        self.nothing += other.nothing;
        self.reverse += other.reverse;
        self.emergency += other.emergency;
        self.without += other.without;
    }
}

impl Tally {
    /// Adds a day.
    pub fn add(&mut self, day: &Day, outcome: &Outcome, verdict: Verdict) {
        let is = |cleanup| usize::from(verdict.cleanup == cleanup);
        let row = Row {
            runs: 1,
            hangs: outcome.hung.into(),
            failures: usize::from(!verdict.broken.is_empty()),
            worst: verdict.over,
            codes: BTreeSet::from([verdict.code]),
            nothing: is(Cleanup::Nothing),
            reverse: is(Cleanup::Reverse),
            emergency: is(Cleanup::Emergency),
            without: is(Cleanup::Without),
        };
        self.rows.entry(day.fault.name).or_default().join(&row);
        if !verdict.broken.is_empty() {
            let (seed, program) = (day.seed, day.app.program);
            let variables: Vec<String> = day
                .variables()
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            self.failures.push(format!(
                "{}\n  SEED={seed} RUNS=1 cargo test -p lifecycle-tests --test load -- --nocapture faults::\n  \
                 {} {program} {}\n  signals {:?} after `{}`, outputs {:?}\n{}",
                verdict.broken.join("; "),
                variables.join(" "),
                day.arguments,
                day.signals.iter().take(4).collect::<Vec<_>>(),
                day.after,
                day.outputs,
                outcome.end,
            ));
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<56} {:>5} {:>5} {:>6} {:>10} {:>6} {:>7} {:>7} {:>9} {:>7}  codes",
            "fault",
            "runs",
            "hangs",
            "broken",
            "worst ms",
            "limit",
            "not up",
            "reverse",
            "emergency",
            "without"
        )?;
        let mut all = Row::default();
        let row = |f: &mut fmt::Formatter<'_>, name: &str, limit: &str, row: &Row| {
            let worst = row.worst.map_or("-".to_owned(), |ms| format!("{ms:+.1}"));
            let codes: Vec<String> = row.codes.iter().map(i32::to_string).collect();
            writeln!(
                f,
                "{name:<56} {:>5} {:>5} {:>6} {worst:>10} {limit:>6} {:>7} {:>7} {:>9} {:>7}  {}",
                row.runs,
                row.hangs,
                row.failures,
                row.nothing,
                row.reverse,
                row.emergency,
                row.without,
                codes.join(" ")
            )
        };
        for fault in FAULTS {
            if let Some(outcome) = self.rows.get(fault.name) {
                row(f, fault.name, &format!("+{}", fault.limit.extra()), outcome)?;
                all.join(outcome);
            }
        }
        row(f, "all", "", &all)?;
        match self.again {
            0 => Ok(()),
            again => writeln!(f, "late, and repeated: {again}"),
        }
    }
}
