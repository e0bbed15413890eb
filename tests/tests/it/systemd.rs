//! Messages to the service manager over `NOTIFY_SOCKET`. The module `booted` tests how systemd reacts to them.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::harness::{Program, Signal};
use lifecycle_tests::program;

/// The service manager's end of the socket.
struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        let limit = Some(Duration::from_secs(30));
        socket.set_read_timeout(limit).expect("it can have a limit");
        Self { socket, folder }
    }

    /// A manager that does not listen, and whose queue is full.
    fn deaf() -> Self {
        let manager = Self::new();
        let other = UnixDatagram::unbound().expect("a socket");
        other.set_nonblocking(true).expect("it can be non-blocking");
        let full = loop {
            if let Err(error) = other.send_to(b"X_OTHER=1\n", manager.path()) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        manager
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    fn program(&self) -> Program {
        // At the terminal that the tests may run in, SIGHUP means to stop.
        let program = program!("notified").launched_by(env!("CARGO_BIN_EXE_detached"));
        program.env("NOTIFY_SOCKET", self.path())
    }

    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = loop {
            match self.socket.recv(&mut buffer) {
                // A read with a timeout fails like this after the machine, or this container, was suspended.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.expect("a message"),
            }
        };
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next message with a line that has this prefix.
    fn until(&self, line: &str) -> String {
        loop {
            let message = self.next();
            if message.lines().any(|other| other.starts_with(line)) {
                return message;
            }
        }
    }

    /// All pending messages.
    fn rest(&self) -> String {
        self.socket.set_nonblocking(true).expect("it can be");
        let mut buffer = [0; 4096];
        let mut rest = String::new();
        while let Ok(length) = self.socket.recv(&mut buffer) {
            rest += &String::from_utf8_lossy(&buffer[..length]);
        }
        rest
    }
}

/// Asserts that the message extends the timeout by `time` and a second for the kernel's timers, less the time until it
/// was sent.
#[track_caller]
fn expect_promise(message: &str, limit: Duration) {
    let line = |line: &str| line.strip_prefix("EXTEND_TIMEOUT_USEC=")?.parse().ok();
    let promised = message.lines().find_map(line).map(Duration::from_micros);
    let most = limit + Duration::from_secs(1);
    let is_fit = |time: Duration| limit < time && time <= most;
    assert!(promised.is_some_and(is_fit), "not {most:?}: {message}");
}

#[test]
fn c10_variables_and_sockets_of_systemd_are_not_inherited_by_children() {
    let manager = Manager::new();
    let program = manager.program().env("WATCHDOG_USEC", "30000000");
    let mut run = program.start();
    run.until("child has it not");
    manager.until("READY=1");
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn c11_stopping_is_sent_with_the_remaining_time() {
    let manager = Manager::new();
    let program = manager.program().with("parent.stop=hang");
    let mut run = program.limits("2s", "500ms").start();
    manager.until("READY=1");
    run.terminate();
    let message = manager.until("STOPPING=1");
    expect_promise(&message, Duration::from_secs(2));
    assert!(
        message.ends_with("STATUS=stopping (SIGTERM) 1 of 2\n"),
        "{message}"
    );
    run.end().expect_code(3);
}

#[test]
fn a_life_is_announced_from_its_start_to_its_end() {
    unless_late(|| {
        let manager = Manager::new();
        let program = manager
            .program()
            .with("store.start=slow:1500 store.stop=slow:1500");
        let mut run = program.env("LIFECYCLE_STARTUP_TIMEOUT", "20s").start();
        // Up, or given up, by then.
        let first = manager.next();
        expect_promise(&first, Duration::from_secs(20));
        assert!(first.ends_with("STATUS=starting 1 of 2\n"), "{first}");
        manager.until("STATUS=starting 2 of 2: Store");
        assert_eq!(manager.until("READY=1"), "READY=1\nSTATUS=running\n");
        run.terminate();
        manager.until("STOPPING=1");
        manager.until("STATUS=stopping (SIGTERM) 1 of 2: Store");
        run.end().expect_code(0);
        assert!(
            manager
                .rest()
                .contains("STATUS=`notified` stopped cleanly in ")
        );
    });
}

#[test]
fn a_failed_start_is_announced_with_its_error() {
    unless_late(|| {
        let manager = Manager::new();
        let run = manager.program().with("store.start=error").start();
        run.end().expect_code(1);
        let messages = manager.rest();
        assert!(!messages.contains("READY=1"), "{messages}");
        let last = messages.lines().last().expect("a line");
        assert!(last.contains("did not come up"), "{messages}");
        assert!(last.contains("store.start is broken"), "{messages}");
    });
}

#[test]
fn a_drain_announces_work_in_flight() {
    let manager = Manager::new();
    // The count is sent once a second when it has changed, and not again while it stays the same.
    let program = manager.program();
    let mut run = program
        .with("work=asked,slow:1500 more=asked,slow:2900")
        .start();
    run.until("more");
    run.terminate();
    manager.until("STATUS=stopping (SIGTERM) 1 of 2; 2 in flight");
    manager.until("STATUS=stopping (SIGTERM) 1 of 2; 1 in flight");
    run.end().expect_code(0);
}

#[test]
fn a_reload_is_announced_with_its_instant() {
    let manager = Manager::new();
    let mut run = manager.program().with("store.reload=slow:200").start();
    manager.until("READY=1");
    let before = now();
    run.signal(Signal::HUP);
    let reloading = manager.until("RELOADING=1");
    let began = run.until("store.reload");
    let at = reloading
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC=")?.parse().ok())
        .map(Duration::from_micros)
        .unwrap_or_else(|| panic!("no instant in {reloading}"));
    assert!(before <= at + Duration::from_micros(1) && at <= began);
    assert!(reloading.contains("STATUS=reloading\n"), "{reloading}");
    // The timeout of a start, for each resource that is reloaded.
    expect_promise(&reloading, Duration::from_secs(60));
    assert_eq!(manager.until("READY=1"), "READY=1\nSTATUS=running\n");
    assert!(run.until("store.reload ok") > began);
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn a_reload_cancelled_by_a_stop_ends_before_it() {
    let manager = Manager::new();
    let mut run = manager.program().with("store.reload=hang").start();
    manager.until("READY=1");
    run.signal(Signal::HUP);
    manager.until("RELOADING=1");
    run.terminate();
    assert_eq!(manager.next(), "READY=1\n");
    assert!(manager.next().starts_with("STOPPING=1\n"));
    run.end().expect_code(0);
}

#[test]
fn pings_are_sent_only_while_the_runtime_responds() {
    // The instant at which a message is read does not show when it was sent.
    unless_late(|| {
        let manager = Manager::new();
        let program = manager.program().with("main=slow:2000,block:1000,asked");
        let mut run = program.env("WATCHDOG_USEC", "200000").start();
        for _ in 0..3 {
            assert_eq!(manager.until("WATCHDOG=1"), "WATCHDOG=1\n");
        }
        let silent = manager.until("STATUS=running; the runtime has not answered for ");
        assert!(!silent.contains("WATCHDOG=1"));
        let asked = now();
        assert_eq!(manager.next(), "WATCHDOG=1\n");
        assert!(now() - asked > Duration::from_millis(300), "it was blocked");
        manager.until("STATUS=running");
        run.terminate();
        run.end().expect_code(0);
    });
}

#[test]
fn a_watchdog_of_another_process_gets_no_pings() {
    let manager = Manager::new();
    let program = manager.program().with("main=slow:300");
    let program = program
        .env("WATCHDOG_USEC", "2000")
        .env("WATCHDOG_PID", "1");
    program.run().expect_code(0);
    let messages = manager.rest();
    assert!(
        messages.contains("READY=1") && !messages.contains("WATCHDOG"),
        "{messages}"
    );
}

#[test]
fn a_manager_that_does_not_listen_delays_nothing() {
    let manager = Manager::deaf();
    let mut run = manager.program().env("WATCHDOG_USEC", "1000").up();
    let asked = run.terminate();
    let end = run.end();
    end.expect_code(0)
        .expect_gone(asked, Duration::from_millis(500));
}

#[test]
fn a_manager_that_listens_late_receives_all_important_messages() {
    let manager = Manager::deaf();
    let mut run = manager.program().up();
    run.signal(Signal::HUP);
    run.until("store.reload ok");
    manager.until("READY=1");
    manager.until("RELOADING=1");
    manager.until("READY=1");
    run.terminate();
    manager.until("STOPPING=1");
    run.end().expect_code(0);
}

#[test]
fn a_missing_socket_delays_nothing() {
    let manager = Manager::new();
    let program = manager.program();
    drop(manager);
    let mut run = program.up();
    run.terminate();
    run.end().expect_code(0);
}
