//! A Redis server for one test: with its own port and folder, stopped with the test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use crate::harness::Signal;
use crate::http::own_port;
use rustix::process::{Pid, kill_process};

/// The server. It writes nothing to disk.
#[derive(Debug)]
pub struct Redis {
    folder: PathBuf,
    port: u16,
    password: Option<&'static str>,
    process: Option<Child>,
}

impl Redis {
    /// Prepares a server that works in `folder`. It is not started.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            port: own_port(),
            password: None,
            process: None,
        }
    }

    /// Like [`new`](Self::new), and started.
    #[must_use]
    pub fn started(folder: &Path) -> Self {
        let mut server = Self::new(folder);
        server.start();
        server
    }

    /// Requires a password from the next start on.
    #[must_use]
    pub fn with_password(mut self, password: &'static str) -> Self {
        self.password = Some(password);
        self
    }

    /// Starts the server, and waits until it accepts connections.
    pub fn start(&mut self) {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &self.port.to_string()])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(password) = self.password {
            command.args(["--requirepass", password]);
        }
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("`redis-server` cannot be run: {error}"));
        let log = process.stdout.take().expect("it is piped");
        self.process = Some(process);
        until_ready(log);
    }

    /// Kills the server, as a crash does. Its data is gone.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may be gone already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Suspends the server: it answers nothing, and its connections stay open.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes the server.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// The URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        let password = self.password.map(|password| format!(":{password}@"));
        let password = password.unwrap_or_default();
        format!("redis://{password}127.0.0.1:{}", self.port)
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it runs");
        kill_process(Pid::from_child(process), signal).expect("it is there");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Later output is read as well, so that a full pipe never blocks the server.
fn until_ready(log: ChildStdout) {
    let mut lines = BufReader::new(log).lines();
    let mut said = Vec::new();
    loop {
        match lines.next() {
            Some(Ok(line)) if line.contains("Ready to accept connections") => break,
            Some(Ok(line)) => said.push(line),
            Some(Err(error)) => panic!("`redis-server` cannot be read: {error}"),
            None => panic!("`redis-server` ended\n{}", said.join("\n")),
        }
    }
    thread::spawn(move || lines.for_each(drop));
}
