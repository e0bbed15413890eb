//! A PostgreSQL server for one test: with its own port and folder, stopped with the test.

use std::ffi::OsStr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::http::own_port;

/// The id of a user without files of its own, which every system has: PostgreSQL refuses to run as root.
const UNPRIVILEGED: u32 = 65_534;

/// The server. It needs no password; the user is `agent`, and the only database is `postgres`.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    /// The folder of its programs.
    programs: PathBuf,
}

impl Postgres {
    /// Creates the files of a server in `folder`, which must be empty. The server is not started.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self::of(debians("bin/pg_ctl").unwrap_or_default(), folder)
    }

    /// A running server with the extension pgvector: Debian's if that is installed, otherwise the one in the Python
    /// package `pgserver`.
    #[must_use]
    pub fn with_vector(folder: &Path) -> Self {
        let server = Self::of(debians("lib/vector.so").unwrap_or_else(pythons), folder);
        server.start();
        server
    }

    fn of(programs: PathBuf, folder: &Path) -> Self {
        if rustix::process::geteuid().is_root() {
            chown(folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("root may do that");
        }
        let folder = folder.to_owned();
        let server = Self {
            folder,
            port: own_port(),
            programs,
        };
        let options = "-A trust -U agent -E UTF8 --no-locale --no-sync";
        server.run("initdb", options.split(' '));
        server
    }

    /// Like [`new`](Self::new), and started.
    #[must_use]
    pub fn started(folder: &Path) -> Self {
        let server = Self::new(folder);
        server.start();
        server
    }

    /// Starts the server, and waits until it accepts connections.
    pub fn start(&self) {
        self.control("start");
    }

    /// Crashes the server, which recovers and comes up again.
    pub fn restart(&self) {
        self.control("restart");
    }

    /// Ends the server as a crash does.
    pub fn stop(&self) {
        self.control("stop");
    }

    /// The URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://agent@127.0.0.1:{}/{database}", self.port)
    }

    fn control(&self, what: &str) {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories= -c fsync=off",
            self.port
        );
        let log = self.folder.join("log");
        let arguments: [&OsStr; 9] = [
            what.as_ref(),
            "-w".as_ref(),
            "-m".as_ref(),
            "immediate".as_ref(),
            "-o".as_ref(),
            options.as_ref(),
            "-l".as_ref(),
            log.as_ref(),
            "-s".as_ref(),
        ];
        self.run("pg_ctl", arguments);
    }

    fn run<A: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = A>) {
        // Standard output is not piped: the server would inherit the pipe and keep it open.
        let status = self
            .command(program)
            .args(arguments)
            .stdout(std::process::Stdio::null())
            .status();
        let status = status.unwrap_or_else(|error| panic!("`{program}` cannot be run: {error}"));
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(status.success(), "`{program}` ended with {status}\n{log}");
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .env("PGDATA", self.folder.join("data"))
            .current_dir(&self.folder);
        if rustix::process::geteuid().is_root() {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        // The server may not be running.
        let _ = stop.args(["stop", "-m", "immediate", "-s"]).output();
    }
}

/// Finds the server's programs, which Debian keeps out of `PATH`, in a folder for each version: those of a version that
/// has this file.
fn debians(what: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let mut versions = versions.map(|version| version.path());
    let version = versions.find(|version| version.join(what).exists())?;
    Some(version.join("bin"))
}

fn pythons() -> PathBuf {
    let find = "from importlib.util import find_spec; print(find_spec('pgserver').submodule_search_locations[0])";
    let found = Command::new("python3").args(["-c", find]).output();
    let found = found.unwrap_or_else(|error| panic!("`python3` cannot be run: {error}"));
    let said = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "no Python package pgserver: {said}");
    let package = String::from_utf8_lossy(&found.stdout);
    Path::new(package.trim()).join("pginstall/bin")
}
