//! Starts a program, waits for what it does, and looks at how it ended. Every wait has a hard limit, far beyond anything
//! that a test expects, and ends with everything that is known of the program.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};

use crate::canary::{self, Lateness};
use crate::evidence::now;

const LIMIT: Duration = Duration::from_secs(30);
/// Signals within 300 ms of the first one count as the same; some room, for its handler to look at the clock.
const ANOTHER: Duration = Duration::from_millis(350);

/// A folder for what has to be written in time: in memory, where the system has a place for that, since a disk may take
/// its time.
///
/// # Panics
///
/// Where none can be made.
#[must_use]
pub fn folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory
        .or_else(|_| tempfile::tempdir())
        .expect("a folder")
}

/// The path of one of this package's programs.
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        $crate::run::Program::new(env!(concat!("CARGO_BIN_EXE_", $name)))
    };
}

/// A pipe with no room left in it. Nobody reads it while the reader is kept.
#[must_use]
pub fn full() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, true).expect("a pipe can be non-blocking");
    while writer.write(&[b'.'; 4096]).is_ok() {}
    while writer.write(b".").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).expect("a pipe can be blocking");
    (reader, writer)
}

/// A pipe whose reader is gone.
#[must_use]
pub fn gone() -> PipeWriter {
    std::io::pipe().expect("a pipe").1
}

/// A program to be started.
#[derive(Debug)]
pub struct Program {
    command: Command,
    arguments: Vec<String>,
    stderr: Stdio,
    stdout: Stdio,
}

impl Program {
    /// The program at that path, or of that name in the folder `PROGRAMS`, in an environment without variables of the
    /// framework.
    #[must_use]
    pub fn new(path: &str) -> Self {
        let path = Path::new(path);
        // Built in another way, perhaps.
        let path = match (std::env::var_os("PROGRAMS"), path.file_name()) {
            (Some(folder), Some(name)) => Path::new(&folder).join(name),
            _ => path.to_owned(),
        };
        let mut command = Command::new(path);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LIFECYCLE_") {
                command.env_remove(name);
            }
        }
        command.env("RUST_BACKTRACE", "0").env_remove("RUST_LOG");
        Self {
            command,
            arguments: Vec::new(),
            stderr: Stdio::piped(),
            stdout: Stdio::piped(),
        }
    }

    /// The same program, started by a shell that does this first: `exec "$@" 2>&-`.
    #[must_use]
    pub fn through(self, script: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]);
        self.behind(shell)
    }

    /// The same program, started by the one at that path, which executes what its arguments say.
    #[must_use]
    pub fn launched_by(self, path: &str) -> Self {
        self.behind(Command::new(path))
    }

    fn behind(self, mut launcher: Command) -> Self {
        launcher
            .args([self.command.get_program()])
            .args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => launcher.env(name, value),
                None => launcher.env_remove(name),
            };
        }
        Self {
            command: launcher,
            ..self
        }
    }

    /// Arguments, separated by blanks.
    #[must_use]
    pub fn with(mut self, arguments: &str) -> Self {
        self.arguments
            .extend(arguments.split_whitespace().map(str::to_owned));
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// The app's `shutdown_timeout` and `emergency_timeout`.
    #[must_use]
    pub fn limits(self, shutdown: &str, emergency: &str) -> Self {
        self.env("LIFECYCLE_SHUTDOWN_TIMEOUT", shutdown)
            .env("LIFECYCLE_EMERGENCY_TIMEOUT", emergency)
    }

    /// Where its standard error goes, instead of to the test.
    #[must_use]
    pub fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        self.stderr = to.into();
        self
    }

    /// Where its standard output goes, instead of to the test.
    #[must_use]
    pub fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.stdout = to.into();
        self
    }

    /// Starts it.
    #[must_use]
    pub fn start(self) -> Run {
        let Self {
            mut command,
            arguments,
            stderr,
            stdout,
        } = self;
        crate::sys::hear_hangups();
        canary::begin();
        let (evidence, written) = std::io::pipe().expect("a pipe");
        command
            .args(&arguments)
            .stdin(written)
            .stdout(stdout)
            .stderr(stderr);
        let (began, since) = (Instant::now(), now());
        let mut child = command.spawn().expect("the program starts");
        // It holds the test's copy of the pipe's end: with it the pipe would never end.
        drop(command);
        let stderr = Lines::of(child.stderr.take());
        let stdout = Lines::of(child.stdout.take());
        Run {
            pid: Pid::from_child(&child),
            gone: wait(&child),
            gone_at: None,
            child: Some(child),
            arguments,
            began,
            since,
            evidence: Lines::of(Some(evidence)),
            stderr,
            stdout,
        }
    }

    /// Starts it and waits until main's body has begun.
    #[must_use]
    pub fn up(self) -> Run {
        let mut run = self.start();
        run.until("main");
        run
    }

    /// Starts it and waits for its end.
    #[must_use]
    pub fn run(self) -> End {
        self.start().end()
    }
}

/// Waits for the end of the program on a thread, which passes on when that was. The child is still to be reaped.
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

/// The lines of a pipe, read by a thread as they come.
struct Lines {
    coming: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let (line, coming) = channel();
        if let Some(pipe) = pipe {
            thread::spawn(move || {
                let mut pipe = BufReader::new(pipe);
                let mut bytes = Vec::new();
                while pipe
                    .read_until(b'\n', &mut bytes)
                    .is_ok_and(|read| read > 0)
                {
                    let text = String::from_utf8_lossy(&bytes)
                        .trim_end_matches('\n')
                        .to_owned();
                    bytes.clear();
                    if line.send(text).is_err() {
                        return;
                    }
                }
            });
        }
        Self {
            coming,
            seen: Vec::new(),
        }
    }

    /// The first line that is as wanted, among those seen or the next to come; what happened instead otherwise.
    fn until(&mut self, is_wanted: impl Fn(&str) -> bool) -> Result<String, RecvTimeoutError> {
        if let Some(line) = self.seen.iter().find(|line| is_wanted(line)) {
            return Ok(line.clone());
        }
        loop {
            let line = self.next()?;
            if is_wanted(&line) {
                return Ok(line);
            }
        }
    }

    fn next(&mut self) -> Result<String, RecvTimeoutError> {
        self.next_within(LIMIT)
    }

    fn next_within(&mut self, limit: Duration) -> Result<String, RecvTimeoutError> {
        let line = self.coming.recv_timeout(limit)?;
        self.seen.push(line.clone());
        Ok(line)
    }

    fn take_rest(&mut self) -> Result<(), RecvTimeoutError> {
        match self.until(|_| false) {
            Err(RecvTimeoutError::Disconnected) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A program that runs. Dropping it kills the program, so that a test that fails leaves nothing behind.
pub struct Run {
    child: Option<Child>,
    /// Who gets the signals.
    pid: Pid,
    gone: Receiver<Duration>,
    gone_at: Option<Duration>,
    arguments: Vec<String>,
    began: Instant,
    /// The same, on the clock that all processes share.
    since: Duration,
    evidence: Lines,
    stderr: Lines,
    stdout: Lines,
}

/// Something that a program did, and when on the clock that all processes share.
#[derive(Debug, Clone)]
pub struct Line {
    /// When it happened.
    pub at: Duration,
    /// What happened.
    pub what: String,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (at, what) = line.split_once(' ')?;
        Some(Self {
            at: Duration::from_nanos(at.parse().ok()?),
            what: what.to_owned(),
        })
    }
}

impl Run {
    /// Waits until the program has left that evidence; returns when it did.
    pub fn until(&mut self, what: &str) -> Duration {
        let is_wanted = |line: &str| Line::parse(line).is_some_and(|line| line.what == what);
        match self.evidence.until(is_wanted) {
            Ok(line) => Line::parse(&line).map(|line| line.at).unwrap_or_default(),
            Err(error) => self.give_up(&format!("no evidence of `{what}`: {error}")),
        }
    }

    /// Waits until the program has left that evidence, for so long at most, or until it ends; whether it has.
    pub fn until_within(&mut self, what: &str, limit: Duration) -> bool {
        let is_wanted = |line: &str| Line::parse(line).is_some_and(|line| line.what == what);
        let until = Instant::now() + limit;
        let mut found = self.evidence.seen.iter().any(|line| is_wanted(line));
        while !found {
            let left = until.saturating_duration_since(Instant::now());
            match self.evidence.next_within(left) {
                Ok(line) => found = is_wanted(&line),
                Err(_) => break,
            }
        }
        found
    }

    /// Waits until the program has left that evidence so often.
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

    /// Waits for a further line on standard error that contains the text: one that no wait has seen yet.
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

    /// Sends the signal; returns when that was.
    pub fn signal(&mut self, signal: Signal) -> Duration {
        let at = now();
        if self.child.is_some() {
            kill_process(self.pid, signal).expect("the program is there");
        }
        at
    }

    /// Sends the signal if the program is still there; returns when that was.
    pub fn try_signal(&mut self, signal: Signal) -> Duration {
        let at = now();
        if self.child.is_some() {
            let _ = kill_process(self.pid, signal);
        }
        at
    }

    /// Sends the signal so long after one before that it counts as another; returns when that was.
    pub fn another(&mut self, signal: Signal) -> Duration {
        // The time counts from the program's handler on. No event says when it is called.
        let until = Instant::now() + LIMIT;
        while self.has_pending() && !self.ends_within(Duration::from_millis(1)) {
            if Instant::now() > until {
                self.give_up("it does not take the signal before");
            }
        }
        let taken = now();
        loop {
            // A thread that has taken the signal off the queue may be kept waiting before it looks at the clock.
            let later = taken + ANOTHER + canary::since(taken).total();
            match later.checked_sub(now()) {
                Some(left) if !left.is_zero() && !self.ends_within(left) => {}
                _ => return self.signal(signal),
            }
        }
    }

    /// Whether a signal waits for the program to take it.
    fn has_pending(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero()));
        status.is_ok_and(|status| {
            let mut sets = status
                .lines()
                .filter_map(|line| line.strip_prefix("ShdPnd:"));
            sets.any(|set| set.trim().contains(|digit| digit != '0'))
        })
    }

    /// From now on signals go to the child of what was started: that one only waits for it.
    pub fn follow(&mut self) {
        let parent = self.pid.as_raw_nonzero();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        let child = children.ok().and_then(|child| child.trim().parse().ok());
        self.pid = child.and_then(Pid::from_raw).expect("it has one child");
    }

    /// Asks to stop as an orchestrator does; returns when that was.
    pub fn terminate(&mut self) -> Duration {
        self.signal(Signal::TERM)
    }

    /// Waits for the end of the program.
    #[must_use]
    pub fn end(mut self) -> End {
        if !self.ends_within(LIMIT) {
            self.give_up("it does not end");
        }
        let (at, took) = (self.gone_at.unwrap_or_default(), self.began.elapsed());
        let mut child = self.child.take().expect("it is taken by its end alone");
        let status = child.wait().expect("a child can be waited for");
        // These pipes end with the process that holds their other ends.
        let _ = self.evidence.take_rest();
        let _ = self.stderr.take_rest();
        let _ = self.stdout.take_rest();
        let lines = self.evidence.seen.iter();
        let mut evidence: Vec<Line> = lines.filter_map(|line| Line::parse(line)).collect();
        // A thread may have to wait for a processor between its look at the clock and its write.
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

    /// Waits for so long, or for the end of the program; whether it has ended.
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

/// How a program ended, and all that it did.
#[derive(Debug)]
pub struct End {
    /// What it was told.
    pub arguments: Vec<String>,
    /// Its exit code, where it exited.
    pub code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// When it was gone.
    pub at: Duration,
    /// From its start to its end.
    pub took: Duration,
    /// How late the machine was meanwhile.
    pub late: Lateness,
    /// What it did.
    pub evidence: Vec<Line>,
    /// Its standard error.
    pub stderr: String,
    /// Its standard output.
    pub stdout: String,
}

impl End {
    /// Asserts its exit code.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "the exit code is wrong\n{self}");
        self
    }

    /// Asserts that it was gone so long after that instant, give or take what a loaded machine takes, and what this one
    /// was late by.
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

    /// Asserts that there are so many milliseconds between the two instants. The upper bound is moved by what the machine
    /// was late by between them; the lower one stays.
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

    /// Asserts that something happened so many milliseconds after that instant, as [`End::expect_took`] does.
    #[track_caller]
    pub fn expect_after(&self, from: Duration, what: &str, millis: Range<u64>) -> &Self {
        self.expect_took(&format!("`{what}`"), from, self.at(what), millis)
    }

    /// Asserts that a line of its standard error contains all of these.
    #[track_caller]
    pub fn expect_line(&self, parts: &[&str]) -> &Self {
        assert!(
            self.has_line(parts),
            "no line on standard error contains all of {parts:?}\n{self}"
        );
        self
    }

    /// Whether a line of its standard error contains all of these.
    #[must_use]
    pub fn has_line(&self, parts: &[&str]) -> bool {
        self.stderr
            .lines()
            .any(|line| parts.iter().all(|part| line.contains(part)))
    }

    /// The line of the report's table for the component: `(layer, note)`.
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

    /// Those that left evidence of this hook, in the order in which they did: `names("stop")` of `c.stop`.
    #[must_use]
    pub fn names(&self, hook: &str) -> Vec<&str> {
        self.evidence
            .iter()
            .filter_map(|line| line.what.strip_suffix(hook)?.strip_suffix('.'))
            .collect()
    }

    /// Asserts that each of these had either its `stop` well or its emergency hook: `["b", "a"]`.
    #[track_caller]
    pub fn expect_cleanup(&self, names: &[&str]) -> &Self {
        for name in names {
            let stopped = self.count(&format!("{name}.stop ok"));
            let called = self.count(&format!("{name}.emergency ok"));
            assert!(
                stopped + called > 0 && called < 2,
                "`{name}` was neither stopped nor cleaned up once\n{self}"
            );
        }
        self
    }

    /// Asserts which ones left evidence of this hook, in which order: `"e d c"`.
    #[track_caller]
    pub fn expect_names(&self, hook: &str, names: &str) -> &Self {
        assert_eq!(
            self.names(hook).join(" "),
            names,
            "`{hook}` is not as it should be\n{self}"
        );
        self
    }

    /// Asserts that these happened in that order.
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

    /// How often that happened.
    #[must_use]
    pub fn count(&self, what: &str) -> usize {
        self.evidence
            .iter()
            .filter(|line| line.what == what)
            .count()
    }

    /// When that happened first.
    #[track_caller]
    #[must_use]
    pub fn at(&self, what: &str) -> Duration {
        match self.evidence.iter().find(|line| line.what == what) {
            Some(line) => line.at,
            None => panic!("there is no evidence of `{what}`\n{self}"),
        }
    }

    /// Asserts that it happened, once.
    #[track_caller]
    pub fn expect_once(&self, what: &str) -> &Self {
        assert_eq!(
            self.count(what),
            1,
            "`{what}` should have happened once\n{self}"
        );
        self
    }

    /// Asserts that it did not happen.
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
