//! What the service manager is told over `NOTIFY_SOCKET`.

#![cfg(target_os = "linux")]

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use lifecycle_tests::program;
use lifecycle_tests::run::Program;

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

    fn path(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    fn program(&self) -> Program {
        program!("notified").env("NOTIFY_SOCKET", self.path())
    }

    fn next(&self) -> String {
        let mut buffer = [0; 1024];
        let length = self.socket.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

#[test]
fn c10_the_socket_is_ours_and_not_handed_to_children() {
    let manager = Manager::new();
    let mut run = manager.program().start();
    run.until("child has it not");
    assert_eq!(manager.next(), "READY=1\n");
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn c11_stopping_goes_with_the_time_that_it_may_take() {
    let manager = Manager::new();
    let mut run = manager
        .program()
        .with("parent.stop=hang")
        .limits("2s", "500ms")
        .start();
    assert_eq!(manager.next(), "READY=1\n");
    run.terminate();
    // The deadline, and a second for the kernel's timers.
    assert_eq!(manager.next(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=3000000\n");
    run.end().expect_code(3);
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
