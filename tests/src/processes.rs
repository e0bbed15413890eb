//! Steps that make other processes, or end this one by `exit`.
//!
//! | step | what happens |
//! | --- | --- |
//! | `spawn`, `spawn:TERM` | starts a command whose child panics, or gets SIGTERM, between `fork` and `exec` |
//! | `fork:TERM`, `fork:HUP`, .. | makes a child by `fork`, without `exec`, and sends it that signal |
//! | `fork:abort`, `fork:exit` | the child aborts, or calls `exit(7)` |
//! | `daemonize` | goes on in a child; the parent waits, and calls `_exit` with the child's code |
//! | `daemonize:exit` | goes on in a child; the parent calls `exit(0)` |
//! | `life` | runs this program again, as a child that ends by itself, as the guide recommends |
//! | `life:inherits` | the same with all variables |
//! | `replace` | replaces the handlers of SIGTERM and SIGINT |
//! | `exit:0` | calls `std::process::exit` with that code |
//! | `c-exit:0` | calls `exit` of the C library |
//! | `hook-exit:0` | has the panic hook call `exit` |
//! | `thread-exit:0` | calls `exit` on a thread of its own |
//! | `many-exit:0`, `many-c-exit:0` | one of both on eight threads at once |
//!
//! A child's end is left as evidence: `child died of 15`, `child exited with 0`.

use std::process::{Command, ExitStatus, Stdio, exit};
use std::thread;

use crate::harness::evidence::note;
use crate::harness::sys;

/// Runs the step; returns false if there is no such step.
pub(crate) fn inject(step: &str, detail: &str) -> bool {
    match step {
        "spawn" => {
            let mut command = Command::new("true");
            let command = match detail {
                "TERM" => sys::terminate_before_exec(&mut command),
                _ => sys::panic_before_exec(&mut command),
            };
            let child = command.spawn();
            let ended = child.and_then(|mut child| child.wait());
            note_end(ended.expect("the child is made"));
        }
        "fork" => fork(detail),
        "daemonize" if detail == "exit" => sys::daemonize(sys::Parent::ByExit),
        "daemonize" => sys::daemonize(sys::Parent::Waits),
        "replace" => sys::replace_handlers(),
        "life" => live_again(detail == "inherits"),
        "exit" => exit(code(detail)),
        "c-exit" => sys::exit(code(detail)),
        "hook-exit" => {
            let code = code(detail);
            std::panic::set_hook(Box::new(move |_| exit(code)));
        }
        "thread-exit" => {
            let code = code(detail);
            drop(thread::spawn(move || exit(code)));
        }
        "many-exit" => many(exit, code(detail)),
        "many-c-exit" => many(sys::exit, code(detail)),
        _ => return false,
    }
    true
}

/// The signal of the first of the kernel's timers that back up the watchdog.
#[cfg(target_os = "linux")]
#[must_use]
pub fn timer_signal() -> i32 {
    libc::SIGRTMAX() - 1
}

fn code(detail: &str) -> i32 {
    if detail.is_empty() {
        return 7;
    }
    detail.parse().expect("an exit code")
}

fn many(exit: fn(i32) -> !, code: i32) {
    for _ in 0..8 {
        drop(thread::spawn(move || exit(code)));
    }
    exit(code)
}

fn fork(what: &str) {
    let (act, signal) = match what {
        "abort" => (sys::Child::Aborts, None),
        "exit" => (sys::Child::Exits, None),
        "TERM" => (sys::Child::Waits, Some(libc::SIGTERM)),
        "INT" => (sys::Child::Waits, Some(libc::SIGINT)),
        "HUP" => (sys::Child::Waits, Some(libc::SIGHUP)),
        "ABRT" => (sys::Child::Waits, Some(libc::SIGABRT)),
        #[cfg(target_os = "linux")]
        "TIMER" => (sys::Child::Waits, Some(timer_signal())),
        _ => panic!("there is no fork `{what}`"),
    };
    note_end(sys::fork(act, signal));
}

fn live_again(inherits: bool) {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    if !inherits {
        for name in lifecycle::variables() {
            command.env_remove(name);
        }
    }
    let output = command
        .arg("main=ok")
        .stdin(Stdio::null())
        .output()
        .expect("this program starts again");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    note_end(output.status);
}

fn note_end(status: ExitStatus) {
    match std::os::unix::process::ExitStatusExt::signal(&status) {
        Some(signal) => note(format_args!("child died of {signal}")),
        None => note(format_args!(
            "child exited with {}",
            status.code().unwrap_or(-1)
        )),
    }
}
