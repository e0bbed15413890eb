//! A PostgreSQL server of a test's own: on a port of its own, in a folder of its own, gone with the test.

use std::ffi::OsStr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::http::own_port;

/// A user that every system has, and that may own nothing: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

/// The server. Nobody needs a password; the user is `agent`, and there is one database, `postgres`.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    /// Where its programs are.
    programs: PathBuf,
}

impl Postgres {
    /// Makes its files in `folder`, which is to be empty, and does not start it yet.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self::of(debians("bin/pg_ctl").unwrap_or_default(), folder)
    }

    /// One that has the extension pgvector: Debian's, where that is installed, else the one of the Python package
    /// `pgserver`. It takes connections.
    #[must_use]
    pub fn with_vector(folder: &Path) -> Self {
        let server = Self::of(debians("lib/vector.so").unwrap_or_else(pythons), folder);
        server.start();
        server
    }

    fn of(programs: PathBuf, folder: &Path) -> Self {
        if rustix::process::geteuid().is_root() {
            chown(folder, Some(NOBODY), Some(NOBODY)).expect("root may do that");
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

    /// As [`new`](Self::new), and takes connections.
    #[must_use]
    pub fn started(folder: &Path) -> Self {
        let server = Self::new(folder);
        server.start();
        server
    }

    /// Starts it, and waits until it takes connections.
    pub fn start(&self) {
        self.control("start");
    }

    /// As a crash of it, after which it comes up again.
    pub fn restart(&self) {
        self.control("restart");
    }

    /// Ends it as a crash does.
    pub fn stop(&self) {
        self.control("stop");
    }

    /// Where a database of it is found.
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
        // Its standard output is not piped: the server would inherit the pipe and keep it open.
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
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        // It may not be running.
        let _ = stop.args(["stop", "-m", "immediate", "-s"]).output();
    }
}

/// Debian keeps the server's programs out of `PATH`, in a folder for each version. Those of one that has this.
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
