//! [`End`]: what is known of a program that has ended, and the assertions on it.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::canary::Lateness;
use super::lines::Line;
use super::run::Signal;

/// How a program ended, and everything it did.
#[derive(Debug)]
pub struct End {
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The exit code; `None` if a signal killed the program.
    pub code: Option<i32>,
    /// The signal that killed the program.
    pub signal: Option<i32>,
    /// When the process was gone.
    pub at: Duration,
    /// The time from the start of the process to its end.
    pub took: Duration,
    /// How late the machine was while the program ran.
    pub late: Lateness,
    /// What the program wrote to the pipe of evidence, in order of time.
    pub evidence: Vec<Line>,
    /// Everything on standard error.
    pub stderr: String,
    /// Everything on standard output.
    pub stdout: String,
}

impl End {
    /// Asserts the exit code.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "the exit code is wrong\n{self}");
        self
    }

    /// Asserts that the process ended by an abort: SIGABRT, which a shell shows as code 134.
    #[track_caller]
    pub fn expect_abort(&self) -> &Self {
        let aborted = Some(Signal::ABORT.as_raw());
        assert_eq!(self.signal, aborted, "the process did not abort\n{self}");
        self
    }

    /// Asserts that the process was gone at most `limit` after `since`, plus 150 ms for a busy machine and the
    /// [allowance](Lateness::allowance) for a late one.
    #[track_caller]
    pub fn expect_gone(&self, since: Duration, limit: Duration) -> &Self {
        let took = self.at.saturating_sub(since);
        let late = self.late.allowance(since, self.at);
        assert!(
            took <= limit + Duration::from_millis(150) + late,
            "gone after {took:?}, allowed are {limit:?}, and {late:?} for a late machine\n{self}"
        );
        self
    }

    /// Asserts that the time between the two instants is within a range of milliseconds.
    ///
    /// The upper bound moves by the [allowance](Lateness::allowance) for a late machine; the lower bound does not.
    #[track_caller]
    pub fn expect_took(
        &self,
        what: &str,
        from: Duration,
        to: Duration,
        millis: Range<u64>,
    ) -> &Self {
        let took = to.saturating_sub(from);
        let late = self.late.allowance(from, to);
        assert!(
            took >= Duration::from_millis(millis.start)
                && took < Duration::from_millis(millis.end) + late,
            "{what} after {took:?}, allowed are {millis:?} ms, and {late:?} for a late machine\n{self}"
        );
        self
    }

    /// Asserts that the first evidence of `what` came a number of milliseconds after `from`; see [`End::expect_took`].
    #[track_caller]
    pub fn expect_after(&self, from: Duration, what: &str, millis: Range<u64>) -> &Self {
        self.expect_took(&format!("`{what}`"), from, self.at(what), millis)
    }

    /// Asserts that one line on standard error contains all of these parts.
    #[track_caller]
    pub fn expect_line(&self, parts: &[&str]) -> &Self {
        assert!(
            self.has_line(parts),
            "no line on standard error contains all of {parts:?}\n{self}"
        );
        self
    }

    /// Whether one line on standard error contains all of these parts.
    #[must_use]
    pub fn has_line(&self, parts: &[&str]) -> bool {
        self.stderr
            .lines()
            .any(|line| parts.iter().all(|part| line.contains(part)))
    }

    /// Standard output of a program at this path that printed its plan, as on a machine where it is installed. Asserts that
    /// it printed nothing else.
    #[track_caller]
    #[must_use]
    pub fn installed(&self, path: &str) -> String {
        self.expect_code(0);
        assert_eq!(self.stderr, "", "{self}");
        let (_, name) = path.rsplit_once('/').unwrap_or(("", path));
        let printed = self.stdout.replace(path, &format!("/usr/local/bin/{name}"));
        format!("{printed}\n")
    }

    /// The row of the report's table for a component, as `(layer, note)`.
    #[track_caller]
    #[must_use]
    pub fn row(&self, component: &str) -> (String, String) {
        let table = self
            .stderr
            .lines()
            .skip_while(|line| !line.trim_start().starts_with("component "))
            .skip(1);
        for line in table {
            let mut words = line
                .split("  ")
                .map(str::trim)
                .filter(|word| !word.is_empty());
            if words.next() == Some(component) {
                let words: Vec<&str> = words.skip(2).collect();
                return (
                    words.first().copied().unwrap_or_default().to_owned(),
                    words.get(1..).unwrap_or_default().join(" "),
                );
            }
        }
        panic!("the report has no line for `{component}`\n{self}")
    }

    /// The components with evidence of a hook, in order of time: `names("stop")` finds `c` in `c.stop`.
    #[must_use]
    pub fn names(&self, hook: &str) -> Vec<&str> {
        self.evidence
            .iter()
            .filter_map(|line| line.what.strip_suffix(hook)?.strip_suffix('.'))
            .collect()
    }

    /// Asserts that each of these components either stopped without an error or ran its emergency hook.
    #[track_caller]
    pub fn expect_cleanup(&self, names: &[&str]) -> &Self {
        for name in names {
            let stopped = self.count(&format!("{name}.stop ok"));
            let called = self.count(&format!("{name}.emergency ok"));
            assert!(
                stopped + called > 0 && called < 2,
                "`{name}` neither stopped nor ran its emergency hook, or did both twice\n{self}"
            );
        }
        self
    }

    /// Asserts which components have evidence of a hook, and in which order: `"e d c"`.
    #[track_caller]
    pub fn expect_names(&self, hook: &str, names: &str) -> &Self {
        assert_eq!(
            self.names(hook).join(" "),
            names,
            "the components with `{hook}` are wrong\n{self}"
        );
        self
    }

    /// Asserts that these pieces of evidence, and no second one of any, came in this order.
    #[track_caller]
    pub fn expect_order(&self, order: &[&str]) -> &Self {
        let happened: Vec<&str> = self
            .evidence
            .iter()
            .map(|line| line.what.as_str())
            .filter(|what| order.contains(what))
            .collect();
        assert_eq!(happened, order, "the order is wrong\n{self}");
        self
    }

    /// How many times there is evidence of `what`.
    #[must_use]
    pub fn count(&self, what: &str) -> usize {
        self.evidence
            .iter()
            .filter(|line| line.what == what)
            .count()
    }

    /// The instant of the first evidence of `what`.
    #[track_caller]
    #[must_use]
    pub fn at(&self, what: &str) -> Duration {
        match self.evidence.iter().find(|line| line.what == what) {
            Some(line) => line.at,
            None => panic!("there is no evidence of `{what}`\n{self}"),
        }
    }

    /// Asserts that there is evidence of `what` exactly once.
    #[track_caller]
    pub fn expect_once(&self, what: &str) -> &Self {
        assert_eq!(
            self.count(what),
            1,
            "`{what}` should have happened once\n{self}"
        );
        self
    }

    /// Asserts that there is no evidence of `what`.
    #[track_caller]
    pub fn expect_none(&self, what: &str) -> &Self {
        assert_eq!(self.count(what), 0, "there is evidence of `{what}`\n{self}");
        self
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            arguments,
            code,
            signal,
            took,
            late,
            ..
        } = self;
        writeln!(
            f,
            "arguments {arguments:?}, exit code {code:?}, signal {signal:?}, after {took:?}, the machine late by {:?}",
            late.total()
        )?;
        let first = self
            .evidence
            .first()
            .map(|line| line.at)
            .unwrap_or_default();
        for line in &self.evidence {
            writeln!(
                f,
                "  {:>9.1} ms  {}",
                (line.at - first).as_secs_f64() * 1e3,
                line.what
            )?;
        }
        writeln!(f, "stderr:\n{}\nstdout:\n{}", self.stderr, self.stdout)
    }
}
