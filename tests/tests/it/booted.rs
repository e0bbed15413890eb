//! Services of a real systemd, which `tests/with-systemd` boots for these tests:
//!
//! ```text
//! cargo test -p lifecycle-tests --test it \
//!     --config "target.'cfg(unix)'.runner = '$PWD/tests/with-systemd'" -- --ignored booted::
//! ```

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::http;

/// The limit of every wait for systemd.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs `systemctl`; returns whether it succeeded.
fn systemctl(arguments: &[&str]) -> bool {
    let status = Command::new("systemctl").args(arguments).status();
    status.expect("systemctl runs").success()
}

/// A service whose evidence and standard output go to one file, and standard error to another.
struct Service {
    unit: String,
    folder: tempfile::TempDir,
}

impl Service {
    /// Installs a service with these lines in its unit, which runs the program with these arguments.
    fn new(name: &str, lines: &[&str], command: &str) -> Self {
        let service = Self {
            unit: format!("{name}.service"),
            folder: tempfile::tempdir().expect("a folder"),
        };
        let evidence = service.path("evidence");
        let stderr = service.path("stderr");
        let unit = format!(
            "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n[Service]\n{}\nExecStart={command}\n\
             StandardInput=file:{evidence}\nStandardOutput=file:{evidence}\nStandardError=file:{stderr}\n\
             Environment=LOG=debug RUST_BACKTRACE=0\n",
            lines.join("\n"),
            evidence = evidence.display(),
            stderr = stderr.display(),
        );
        write_unit(&service.unit, &unit);
        // systemd forgets how a unit ended unless another unit refers to it.
        let keeper = format!("{name}-keeper.target");
        let refers = format!("[Unit]\nDefaultDependencies=no\nAfter={}\n", service.unit);
        write_unit(&keeper, &refers);
        assert!(systemctl(&["start", &keeper]));
        service
    }

    /// A service with `Type=notify` that runs the program `notified`.
    fn notified(name: &str, lines: &[&str], arguments: &str) -> Self {
        let mut lines = lines.to_vec();
        lines.push("Type=notify");
        let program = env!("CARGO_BIN_EXE_notified");
        Self::new(name, &lines, &format!("{program} {arguments}"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the service, and waits until it is up or has failed.
    fn start(&self) -> bool {
        systemctl(&["start", &self.unit])
    }

    fn stop(&self) -> bool {
        systemctl(&["stop", &self.unit])
    }

    fn show(&self, property: &str) -> String {
        let output = Command::new("systemctl")
            .args(["show", "--value", "-p", property, &self.unit])
            .output()
            .expect("systemctl runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Polls the property until it has this prefix: without a bus, systemd announces no change.
    #[track_caller]
    fn until(&self, property: &str, begin: &str) {
        let until = Instant::now() + LIMIT;
        loop {
            let shown = self.show(property);
            if shown.starts_with(begin) {
                return;
            }
            assert!(Instant::now() < until, "{property} is {shown}\n{self}");
        }
    }

    #[track_caller]
    fn expect(&self, property: &str, value: &str) -> &Self {
        assert_eq!(self.show(property), value, "{property}\n{self}");
        self
    }

    #[track_caller]
    fn expect_begin(&self, property: &str, begin: &str) -> &Self {
        let shown = self.show(property);
        assert!(shown.starts_with(begin), "{property} is {shown}\n{self}");
        self
    }

    /// Asserts that the service exited by itself, with that code.
    #[track_caller]
    fn expect_exit(&self, code: i32) -> &Self {
        // CLD_EXITED of waitid(2).
        self.expect("ExecMainCode", "1")
            .expect("ExecMainStatus", &code.to_string())
    }

    /// Ended by SIGABRT, with a core or without one.
    fn expect_abort(&self) -> &Self {
        // CLD_KILLED and CLD_DUMPED of waitid(2).
        let ended = self.show("ExecMainCode");
        assert!(["2", "3"].contains(&ended.trim()), "{ended}, {self}");
        self.expect("ExecMainStatus", "6")
    }

    fn evidence(&self) -> String {
        std::fs::read_to_string(self.path("evidence")).unwrap_or_default()
    }

    /// Whether there is evidence of `what`.
    fn did(&self, what: &str) -> bool {
        let evidence = self.evidence();
        let mut did = evidence.lines().filter_map(|line| line.split_once(' '));
        did.any(|(_, did)| did == what)
    }

    #[track_caller]
    fn expect_did(&self, what: &str) -> &Self {
        assert!(self.did(what), "it did not: {what}\n{self}");
        self
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let output = Command::new("systemctl")
            .args(["show", &self.unit, "-p"])
            .arg("ActiveState,SubState,Result,StatusText,ExecMainCode,ExecMainStatus,NRestarts")
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        let stderr = std::fs::read_to_string(self.path("stderr")).unwrap_or_default();
        writeln!(f, "{output}evidence:\n{}stderr:\n{stderr}", self.evidence())
    }
}

fn write_unit(name: &str, text: &str) {
    let path = PathBuf::from("/run/systemd/system").join(name);
    std::fs::write(path, text).expect("a systemd of our own: see the top of this file");
}

/// The major version of systemd.
fn version() -> u32 {
    let output = Command::new("systemctl").arg("--version").output();
    let output = output.expect("systemctl runs").stdout;
    let text = String::from_utf8_lossy(&output);
    let version = text.split(&[' ', '~', '.', '\n']).nth(1);
    version
        .and_then(|version| version.parse().ok())
        .expect("a version")
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn a_service_is_active_when_the_app_is_up() {
    let service = Service::notified("plain", &[], "store.start=slow:300");
    assert!(service.start(), "{service}");
    service
        .expect_did("store.start ok")
        .expect("ActiveState", "active")
        .expect("StatusText", "running");
    assert!(service.stop());
    service
        .expect("ActiveState", "inactive")
        .expect("Result", "success")
        .expect_exit(0)
        .expect_did("store.stop ok")
        .expect_begin("StatusText", "`notified` stopped cleanly in ");
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn a_slow_start_is_waited_for_and_shows_how_far_it_is() {
    let lines = ["TimeoutStartSec=1s"];
    let service = Service::notified("slow-start", &lines, "store.start=slow:3000");
    let began = now();
    assert!(systemctl(&["start", "--no-block", &service.unit]));
    service.until("StatusText", "starting 2 of 2: Store");
    service.expect("ActiveState", "activating");
    // Waits for the start that is under way.
    assert!(service.start(), "{service}");
    assert!(now() - began > Duration::from_secs(3));
    service
        .expect("ActiveState", "active")
        .expect("NRestarts", "0");
    assert!(service.stop());
    service.expect("Result", "success");
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn a_start_beyond_its_own_limit_fails_before_systemd_kills_it() {
    let lines = [
        // The program, not yet read from the disk, needs some of this memory for itself.
        "TimeoutStartSec=2s",
        "Environment=LIFECYCLE_STARTUP_TIMEOUT=4s",
    ];
    let service = Service::notified("endless-start", &lines, "store.start=hang");
    assert!(!service.start(), "{service}");
    service
        .expect("Result", "exit-code")
        .expect_exit(1)
        .expect_did("parent.stop ok");
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn a_failed_start_fails_the_unit_with_its_exit_code_and_error() {
    for (fault, code) in [("error", 1), ("config", 2)] {
        let name = format!("failed-start-{fault}");
        let service = Service::notified(&name, &[], &format!("store.start={fault}"));
        assert!(!service.start(), "{service}");
        service
            .expect("ActiveState", "failed")
            .expect("Result", "exit-code")
            .expect_exit(code)
            .expect_begin("StatusText", "`notified` did not come up;")
            .expect_did("parent.stop ok");
    }
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn a_reload_is_seen_from_its_begin_to_its_end() {
    // From version 253 on systemd requests the reload itself, and waits for its end.
    let kind = if version() >= 253 {
        "Type=notify-reload"
    } else {
        "Type=notify\nExecReload=kill -HUP $MAINPID"
    };
    let program = env!("CARGO_BIN_EXE_notified");
    let command = format!("{program} store.reload=slow:5000");
    let service = Service::new("reload", &[kind], &command);
    assert!(service.start(), "{service}");
    assert!(systemctl(&["reload", "--no-block", &service.unit]));
    service.until("ActiveState", "reloading");
    service.until("StatusText", "reloading");
    service.until("ActiveState", "active");
    service
        .expect_did("store.reload ok")
        .expect("StatusText", "running");
    assert!(service.stop());
    service.expect("Result", "success").expect_exit(0);
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn a_stalled_service_is_killed_by_the_watchdog_and_its_emergency_hooks_run() {
    let lines = ["WatchdogSec=1s"];
    let service = Service::notified("stalled", &lines, "main=slow:2500,note:well,block");
    let began = now();
    assert!(service.start(), "{service}");
    service.until("ActiveState", "failed");
    // By SIGABRT, in whose handler the hooks run.
    service
        .expect("Result", "watchdog")
        .expect_abort()
        .expect_did("well")
        .expect_did("store.emergency ok")
        .expect_begin("StatusText", "`notified` stopped with exit code 134 ");
    let status = service.show("StatusText");
    assert!(
        status.contains("; the runtime has not answered for "),
        "{status}"
    );
    assert!(now() - began < Duration::from_secs(10), "{service}");
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn a_service_that_aborts_is_restarted_on_abort() {
    let lines = ["Restart=on-abort", "RestartSec=100ms"];
    let service = Service::notified("aborts", &lines, "main=slow:300,abort");
    assert!(service.start(), "{service}");
    service.until("NRestarts", "1");
    service.expect_did("store.emergency ok");
    assert!(service.stop(), "{service}");
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn a_slow_stop_has_the_time_of_the_app_and_not_of_the_unit() {
    let lines = ["TimeoutStopSec=1s"];
    let service = Service::notified("slow-stop", &lines, "store.stop=slow:3000");
    assert!(service.start(), "{service}");
    let began = now();
    assert!(systemctl(&["stop", "--no-block", &service.unit]));
    service.until("StatusText", "stopping (SIGTERM) 1 of 2: Store");
    service.expect("ActiveState", "deactivating");
    assert!(service.stop());
    assert!(now() - began > Duration::from_secs(3));
    service
        .expect("Result", "success")
        .expect_exit(0)
        .expect_did("store.stop ok");
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn a_stop_that_hits_the_deadline_ends_by_itself() {
    let lines = [
        "TimeoutStopSec=1s",
        "Environment=LIFECYCLE_SHUTDOWN_TIMEOUT=2s LIFECYCLE_EMERGENCY_TIMEOUT=500ms",
    ];
    // Blocks the only thread of the runtime.
    let service = Service::notified("deadline", &lines, "store.stop=block");
    assert!(service.start(), "{service}");
    let began = now();
    service.stop();
    let took = now() - began;
    service
        .expect("Result", "exit-code")
        .expect_exit(3)
        .expect_did("store.emergency ok");
    assert!(took < Duration::from_secs(3), "{took:?}\n{service}");
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn a_stop_by_the_app_itself_has_its_time_too() {
    let lines = ["TimeoutStopSec=1s"];
    let arguments = "main=request store.stop=slow:3000";
    let service = Service::notified("own-stop", &lines, arguments);
    assert!(service.start(), "{service}");
    service.until("ActiveState", "inactive");
    service
        .expect("Result", "success")
        .expect_exit(0)
        .expect_did("store.stop ok");
}

const CLIENTS: usize = 4;
const RESTARTS: usize = 5;

/// A socket unit for the service.
fn socket_unit(name: &str, listen: impl std::fmt::Display) {
    let unit =
        format!("[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream={listen}\nBacklog=4096\n");
    write_unit(name, &unit);
    assert!(systemctl(&["start", name]));
}

/// Sends requests to the service without a pause, while the first request starts it and it is restarted several times.
fn ask_across_restarts(service: &Service, socket: &str, ask: impl Fn() -> io::Result<()> + Sync) {
    let is_over = AtomicBool::new(false);
    // The first request starts the service.
    ask().unwrap_or_else(|error| panic!("{error}\n{service}"));
    let first = service.show("MainPID");
    let asked: usize = thread::scope(|scope| {
        let client = || {
            let mut asked = 0;
            while !is_over.load(SeqCst) {
                ask().unwrap_or_else(|error| panic!("after {asked}: {error}\n{service}"));
                asked += 1;
            }
            asked
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let restarted = (0..RESTARTS).all(|_| systemctl(&["restart", &service.unit]));
        is_over.store(true, SeqCst);
        assert!(restarted, "{service}");
        let counts = clients.into_iter().map(|client| client.join());
        counts.map(|asked| asked.expect("no client panics")).sum()
    });
    assert_ne!(service.show("MainPID"), first);
    println!("{asked} connections were answered");
    // Each client is answered by each run of the service.
    assert!(asked > CLIENTS * RESTARTS, "{asked}");
    assert!(systemctl(&["stop", socket, &service.unit]));
    service.expect("Result", "success").expect_exit(0);
}

#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn across_a_restart_no_connection_is_refused_and_each_is_answered() {
    let program = env!("CARGO_BIN_EXE_activated");
    let service = Service::new("activated", &["Type=notify"], program);
    let path = service.path("socket");
    socket_unit("activated.socket", path.display());
    ask_across_restarts(&service, "activated.socket", || {
        let mut socket = UnixStream::connect(&path)?;
        socket.set_read_timeout(Some(LIMIT))?;
        socket.write_all(b"?\n")?;
        socket.read_exact(&mut [0; 2])
    });
}

/// The program only knows its address: [`lifecycle::http::bind`] finds the matching socket.
#[test]
#[ignore = "needs a systemd of its own: run by tests/with-systemd"]
fn across_a_restart_no_connection_to_the_http_server_is_refused_and_each_request_is_answered() {
    // The network is that of the machine.
    let address = http::own_address();
    let environment = format!("Environment=WEB_ADDRESS={address}");
    let lines = ["Type=notify", &environment];
    let service = Service::new("inherited-web", &lines, env!("CARGO_BIN_EXE_web"));
    socket_unit("inherited-web.socket", address);
    let late = AtomicUsize::new(0);
    ask_across_restarts(&service, "inherited-web.socket", || {
        loop {
            let answer = http::ask(address, "GET", "/", "connection: close\r\n", LIMIT)?;
            if answer.status != 503 {
                assert_eq!((answer.status, &*answer.body), (200, "hello"), "{answer:?}");
                return Ok(());
            }
            // The connection was accepted just before, and read when admission had closed.
            assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
            late.fetch_add(1, SeqCst);
        }
    });
    let late = late.into_inner();
    println!("{late} late requests were refused, and sent again");
    assert!(late <= 2 * CLIENTS * RESTARTS, "{late}\n{service}");
}
