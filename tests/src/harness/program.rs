//! [`Program`]: how a program is started.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::canary;
use super::end::End;
use super::evidence::now;
use super::lines::Lines;
use super::run::Run;
use super::sys;

/// One of this package's programs, by name.
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        $crate::harness::Program::new(env!(concat!("CARGO_BIN_EXE_", $name)))
    };
}

/// The multi-thread and the current-thread flavor of one of this package's programs.
#[macro_export]
macro_rules! flavors {
    ($name:literal) => {{
        let flavors: [fn() -> $crate::harness::Program; 2] = [
            || $crate::program!($name),
            || {
                let path = env!(concat!("CARGO_BIN_EXE_", $name, "_current_thread"));
                $crate::harness::Program::new(path)
            },
        ];
        flavors
    }};
}

/// A program to start, with its arguments, environment and outputs.
#[derive(Debug)]
pub struct Program {
    command: Command,
    arguments: Vec<String>,
    stderr: Stdio,
    stdout: Stdio,
}

impl Program {
    /// The program at this path, in an environment without variables of the framework.
    ///
    /// If the variable `PROGRAMS` names a folder, the program of the same name in that folder is used instead.
    #[must_use]
    pub fn new(path: &str) -> Self {
        let path = Path::new(path);
        // The same programs built with another profile.
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

    /// Python, running the script at this path.
    #[must_use]
    pub fn python(script: &str) -> Self {
        Self::new("python3")
            .env("SCRIPT", script)
            .through("exec \"$@\" \"$SCRIPT\"")
    }

    /// Starts the program from a shell that runs `script`, which ends in something like `exec "$@" 2>&-`.
    #[must_use]
    pub fn through(self, script: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]);
        self.behind(shell)
    }

    /// Starts the program from the launcher at this path, which executes its own arguments.
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

    /// Adds arguments, separated by white space.
    #[must_use]
    pub fn with(mut self, arguments: &str) -> Self {
        self.arguments
            .extend(arguments.split_whitespace().map(str::to_owned));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the app's `shutdown_timeout` and `emergency_timeout`.
    #[must_use]
    pub fn limits(self, shutdown: &str, emergency: &str) -> Self {
        self.env("LIFECYCLE_SHUTDOWN_TIMEOUT", shutdown)
            .env("LIFECYCLE_EMERGENCY_TIMEOUT", emergency)
    }

    /// Redirects standard error, which the test reads otherwise.
    #[must_use]
    pub fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        self.stderr = to.into();
        self
    }

    /// Redirects standard output, which the test reads otherwise.
    #[must_use]
    pub fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.stdout = to.into();
        self
    }

    /// Starts the program.
    #[must_use]
    pub fn start(self) -> Run {
        let Self {
            mut command,
            arguments,
            stderr,
            stdout,
        } = self;
        sys::hear_hangups();
        canary::begin();
        let (evidence, written) = std::io::pipe().expect("a pipe");
        command
            .args(&arguments)
            .stdin(written)
            .stdout(stdout)
            .stderr(stderr);
        let (began, since) = (Instant::now(), now());
        let mut child = command.spawn().expect("the program starts");
        // It holds the test's copy of the writing end: as long as that is open the pipe does not end.
        drop(command);
        let stderr = Lines::of(child.stderr.take());
        let stdout = Lines::of(child.stdout.take());
        Run::of(
            child,
            arguments,
            (began, since),
            [Lines::of(Some(evidence)), stderr, stdout],
        )
    }

    /// Starts the program and waits until the body of its `main` has begun.
    #[must_use]
    pub fn up(self) -> Run {
        let mut run = self.start();
        run.until("main");
        run
    }

    /// Asks the program to stop (SIGTERM) after each of these pieces of evidence, and waits for its end. Returns the end
    /// and the instant of the request.
    #[must_use]
    pub fn stop_after(self, evidence: &[&str]) -> (End, Duration) {
        let mut run = self.start();
        for what in evidence {
            run.until(what);
        }
        let asked = run.terminate();
        (run.end(), asked)
    }

    /// Asks the program to stop (SIGTERM) once the body of its `main` has begun, and waits for its end.
    #[must_use]
    pub fn stop(self) -> End {
        self.stop_after(&["main"]).0
    }

    /// [`stop`](Self::stop), and asserts that the process is gone at most `limit` after the request.
    #[track_caller]
    #[must_use]
    pub fn stop_within(self, limit: Duration) -> End {
        let (end, asked) = self.stop_after(&["main"]);
        end.expect_gone(asked, limit);
        end
    }

    /// Starts the program and waits for its end.
    #[must_use]
    pub fn run(self) -> End {
        self.start().end()
    }
}
