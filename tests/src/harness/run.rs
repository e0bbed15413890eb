//! [`Run`]: a running program, which the test waits for and signals.

use std::fmt;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};

use super::LIMIT;
use super::canary;
use super::end::End;
use super::evidence::now;
use super::lines::{Line, Lines};

/// Signals within 300 ms of the first one count as one; this leaves the handler time to read the clock.
const ANOTHER: Duration = Duration::from_millis(350);

/// A running program.
///
/// Dropping it kills the program, so that a failed test leaves no process behind. Every wait ends after a hard limit, and
/// then panics with everything that is known of the program.
pub struct Run {
    child: Option<Child>,
    /// The process that receives the signals.
    pid: Pid,
    gone: Receiver<Duration>,
    gone_at: Option<Duration>,
    arguments: Vec<String>,
    began: Instant,
    /// The same instant, on the monotonic clock that all processes share.
    since: Duration,
    evidence: Lines,
    stderr: Lines,
    stdout: Lines,
}

impl Run {
    pub(super) fn of(
        child: Child,
        arguments: Vec<String>,
        (began, since): (Instant, Duration),
        [evidence, stderr, stdout]: [Lines; 3],
    ) -> Self {
        Self {
            pid: Pid::from_child(&child),
            gone: wait(&child),
            gone_at: None,
            child: Some(child),
            arguments,
            began,
            since,
            evidence,
            stderr,
            stdout,
        }
    }

    /// Waits for evidence of `what`, and returns its instant.
    pub fn until(&mut self, what: &str) -> Duration {
        let is_wanted = |line: &str| Line::parse(line).is_some_and(|line| line.what == what);
        match self.evidence.until(is_wanted) {
            Ok(line) => Line::parse(&line).map(|line| line.at).unwrap_or_default(),
            Err(error) => self.give_up(&format!("no evidence of `{what}`: {error}")),
        }
    }

    /// Waits at most `limit` for evidence of `what`, or until the program ends. Returns whether there is evidence.
    pub fn until_within(&mut self, what: &str, limit: Duration) -> bool {
        let is_wanted = |line: &str| Line::parse(line).is_some_and(|line| line.what == what);
        let until = Instant::now() + limit;
        let mut found = self.evidence.seen.iter().any(|line| is_wanted(line));
        while !found {
            let remaining = until.saturating_duration_since(Instant::now());
            match self.evidence.next_within(remaining) {
                Ok(line) => found = is_wanted(&line),
                Err(_) => break,
            }
        }
        found
    }

    /// Waits until there is evidence of `what` a number of times.
    pub fn until_times(&mut self, what: &str, times: usize) {
        let is_what = |line: &String| Line::parse(line).is_some_and(|line| line.what == what);
        while self
            .evidence
            .seen
            .iter()
            .filter(|line| is_what(line))
            .count()
            < times
        {
            let seen = self.evidence.seen.len();
            let next = self.evidence.next();
            if let Err(error) = next {
                self.give_up(&format!(
                    "`{what}` did not happen {times} times, after {seen} lines: {error}"
                ));
            }
        }
    }

    /// Waits for a line on standard error that contains the text.
    pub fn until_stderr(&mut self, text: &str) -> String {
        match self.stderr.until(|line| line.contains(text)) {
            Ok(line) => line,
            Err(error) => self.give_up(&format!("no `{text}` on standard error: {error}")),
        }
    }

    /// Waits for a line on standard error that contains the text and that no wait has returned or skipped yet.
    pub fn next_stderr(&mut self, text: &str) -> String {
        loop {
            match self.stderr.next() {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(error) => {
                    self.give_up(&format!("no further `{text}` on standard error: {error}"))
                }
            }
        }
    }

    /// Waits for a line on standard output that contains the text.
    pub fn until_stdout(&mut self, text: &str) -> String {
        match self.stdout.until(|line| line.contains(text)) {
            Ok(line) => line,
            Err(error) => self.give_up(&format!("no `{text}` on standard output: {error}")),
        }
    }

    /// Sends the signal, and returns the instant just before.
    pub fn signal(&mut self, signal: Signal) -> Duration {
        let at = now();
        if self.child.is_some() {
            kill_process(self.pid, signal).expect("the process exists");
        }
        at
    }

    /// Sends the signal if the program still runs, and returns the instant just before.
    pub fn try_signal(&mut self, signal: Signal) -> Duration {
        let at = now();
        if self.child.is_some() {
            let _ = kill_process(self.pid, signal);
        }
        at
    }

    /// Sends a signal late enough after the previous one that it counts as a second one, and returns the instant just
    /// before.
    pub fn another(&mut self, signal: Signal) -> Duration {
        // The program measures from the instant at which its handler ran, which no event announces.
        let until = Instant::now() + LIMIT;
        while self.has_pending() && !self.ends_within(Duration::from_millis(1)) {
            if Instant::now() > until {
                self.give_up("the previous signal stays pending");
            }
        }
        let taken = now();
        loop {
            // The thread that handles the signal may wait for a processor before it reads the clock.
            let later = taken + ANOTHER + canary::since(taken).total();
            match later.checked_sub(now()) {
                Some(pause) if !pause.is_zero() && !self.ends_within(pause) => {}
                _ => return self.signal(signal),
            }
        }
    }

    /// Whether a signal to the process is pending.
    fn has_pending(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero()));
        status.is_ok_and(|status| {
            let mut sets = status
                .lines()
                .filter_map(|line| line.strip_prefix("ShdPnd:"));
            sets.any(|set| set.trim().contains(|digit| digit != '0'))
        })
    }

    /// Directs further signals to the only child of the started process, which is a launcher that waits for it.
    pub fn follow(&mut self) {
        let parent = self.pid.as_raw_nonzero();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        let child = children.ok().and_then(|child| child.trim().parse().ok());
        self.pid = child
            .and_then(Pid::from_raw)
            .expect("the launcher has one child");
    }

    /// Sends SIGTERM, as an orchestrator does, and returns the instant just before.
    pub fn terminate(&mut self) -> Duration {
        self.signal(Signal::TERM)
    }

    /// Waits for the end of the program.
    #[must_use]
    pub fn end(mut self) -> End {
        if !self.ends_within(LIMIT) {
            self.give_up("the program does not end");
        }
        let (at, took) = (self.gone_at.unwrap_or_default(), self.began.elapsed());
        let mut child = self
            .child
            .take()
            .expect("only this function takes the child");
        let status = child.wait().expect("a child can be waited for");
        // The pipes end with the process that holds their writing ends.
        let _ = self.evidence.take_rest();
        let _ = self.stderr.take_rest();
        let _ = self.stdout.take_rest();
        let lines = self.evidence.seen.iter();
        let mut evidence: Vec<Line> = lines.filter_map(|line| Line::parse(line)).collect();
        // A thread may wait for a processor between reading the clock and writing the line.
        evidence.sort_by_key(|line| line.at);
        End {
            arguments: std::mem::take(&mut self.arguments),
            code: status.code(),
            signal: std::os::unix::process::ExitStatusExt::signal(&status),
            at,
            took,
            late: canary::since(self.since),
            evidence,
            stderr: self.stderr.seen.join("\n"),
            stdout: self.stdout.seen.join("\n"),
        }
    }

    /// Waits at most `limit` for the end of the program. Returns whether it has ended.
    pub fn ends_within(&mut self, limit: Duration) -> bool {
        if self.gone_at.is_none() {
            self.gone_at = self.gone.recv_timeout(limit).ok();
        }
        self.gone_at.is_some()
    }

    fn give_up(&mut self, why: &str) -> ! {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = self.stderr.take_rest();
        panic!(
            "{why}\narguments: {:?}\nevidence: {:#?}\nstderr:\n{}",
            self.arguments,
            self.evidence.seen,
            self.stderr.seen.join("\n")
        )
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// Waits for the end of the process on a thread, which sends its instant. The child is not reaped.
fn wait(child: &Child) -> Receiver<Duration> {
    let (end, gone) = channel();
    let pid = Pid::from_child(child);
    thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        if waitid(WaitId::Pid(pid), options).is_ok() {
            let _ = end.send(now());
        }
    });
    gone
}
