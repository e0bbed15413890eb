//! What the service manager is told over `NOTIFY_SOCKET`. How systemd itself takes it is told by `booted`.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::harness::{Program, Signal};
use lifecycle_tests::program;

/// A service manager's end of the socket.
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

    /// One that does not listen, and whose queue is full.
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
        // SIGHUP means to stop at the terminal that the tests may have been started from.
        let program = program!("notified").launched_by(env!("CARGO_BIN_EXE_detached"));
        program.env("NOTIFY_SOCKET", self.path())
    }

    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = loop {
            match self.socket.recv(&mut buffer) {
                // A wait with a limit ends so where the machine, or this container, was suspended.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.expect("a message"),
            }
        };
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next message that has a line which begins like this.
    fn until(&self, line: &str) -> String {
        loop {
            let message = self.next();
            if message.lines().any(|other| other.starts_with(line)) {
                return message;
            }
        }
    }

    /// All that is there.
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

/// Asserts that the message has systemd wait for so long, and a second for the kernel's timers, less what it took to be
/// sent.
#[track_caller]
fn expect_promise(message: &str, limit: Duration) {
    let line = |line: &str| line.strip_prefix("EXTEND_TIMEOUT_USEC=")?.parse().ok();
    let promised = message.lines().find_map(line).map(Duration::from_micros);
    let most = limit + Duration::from_secs(1);
    let is_fit = |time: Duration| limit < time && time <= most;
    assert!(promised.is_some_and(is_fit), "not {most:?}: {message}");
}

#[test]
fn c10_what_systemd_left_is_ours_and_not_handed_to_children() {
    let manager = Manager::new();
    let program = manager.program().env("WATCHDOG_USEC", "30000000");
    let mut run = program.start();
    run.until("child has it not");
    manager.until("READY=1");
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn c11_stopping_goes_with_the_time_that_it_may_take() {
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
fn a_life_is_told_from_its_start_to_its_end() {
    unless_late(|| {
        let manager = Manager::new();
        let program = manager
            .program()
            .with("store.start=slow:1500 store.stop=slow:1500");
        let mut run = program.env("LIFECYCLE_STARTUP_TIMEOUT", "20s").start();
        // Up or given up by then.
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
fn a_start_that_failed_is_told_with_its_error() {
    unless_late(|| {
        let manager = Manager::new();
        let run = manager.program().with("store.start=error").start();
        run.end().expect_code(1);
        let told = manager.rest();
        assert!(!told.contains("READY=1"), "{told}");
        let last = told.lines().last().expect("a line");
        assert!(last.contains("did not come up"), "{told}");
        assert!(last.contains("store.start is broken"), "{told}");
    });
}

#[test]
fn a_drain_tells_what_is_still_in_flight() {
    let manager = Manager::new();
    // Counted once a second: what has changed is told then, not once it has stayed.
    let program = manager.program();
    let mut run = program
        .with("work=told,slow:1500 more=told,slow:2900")
        .start();
    run.until("more");
    run.terminate();
    manager.until("STATUS=stopping (SIGTERM) 1 of 2; 2 in flight");
    manager.until("STATUS=stopping (SIGTERM) 1 of 2; 1 in flight");
    run.end().expect_code(0);
}

#[test]
fn a_reload_is_told_with_the_instant_at_which_it_began() {
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
    // That of a start, for each that is reloaded.
    expect_promise(&reloading, Duration::from_secs(60));
    assert_eq!(manager.until("READY=1"), "READY=1\nSTATUS=running\n");
    assert!(run.until("store.reload ok") > began);
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn a_reload_that_a_stop_cuts_is_over_before_the_stop() {
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
fn pings_come_only_while_the_runtime_answers() {
    // A message that is read late is no sign of when it was sent.
    unless_late(|| {
        let manager = Manager::new();
        let program = manager.program().with("main=slow:2000,block:1000,told");
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
    let told = manager.rest();
    assert!(
        told.contains("READY=1") && !told.contains("WATCHDOG"),
        "{told}"
    );
}

#[test]
fn a_manager_that_does_not_listen_holds_nothing_up() {
    let manager = Manager::deaf();
    let mut run = manager.program().env("WATCHDOG_USEC", "1000").start();
    run.until("main");
    let told = run.terminate();
    let end = run.end();
    end.expect_code(0)
        .expect_gone(told, Duration::from_millis(500));
}

#[test]
fn a_manager_that_listens_late_hears_all_that_it_acts_upon() {
    let manager = Manager::deaf();
    let mut run = manager.program().start();
    run.until("main");
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
fn a_socket_that_is_gone_holds_nothing_up() {
    let manager = Manager::new();
    let program = manager.program();
    drop(manager);
    let mut run = program.start();
    run.until("main");
    run.terminate();
    run.end().expect_code(0);
}
