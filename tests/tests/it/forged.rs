//! Names, errors and panics with control characters: the output shows them escaped.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::thread;

use lifecycle_tests::forged::{ESCAPED, TEXT, acting};
use lifecycle_tests::harness::{End, Program};
use lifecycle_tests::program;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Ways to end that print an error, and their exit codes.
const ENDS: [(&str, i32); 11] = [
    ("start=error", 1),
    ("start=panic", 1),
    ("main=ok stop=error", 3),
    ("main=ok stop=panic emergency=panic", 3),
    ("main=error", 1),
    ("main=panic", 1),
    ("worker=error", 1),
    ("worker=panic", 1),
    ("main=ok task=spin", 3),
    ("set-up=error", 1),
    ("set-up=panic", 1),
];

#[track_caller]
fn expect_escaped(end: &End, output: &str) {
    let acting = acting(output);
    assert!(acting.is_empty(), "{acting:?} is in {output:?}\n{end}");
    // Fields of the log are quoted, which doubles each backslash.
    let said = output.replace(r"\\", r"\");
    assert!(said.contains(ESCAPED), "it is not said: {output:?}\n{end}");
}

/// Output that is not a terminal has no escapes of its own either.
#[track_caller]
fn expect_plain(end: &End) {
    expect_escaped(end, &end.stderr);
    let control = end.stderr.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(control, None, "{:?}\n{end}", end.stderr);
}

/// Runs the program with standard error on a terminal, and returns what it has written there.
fn on_a_terminal(program: Program) -> (End, String) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("its other end is ours");
    unlockpt(&terminal).expect("its other end can be opened");
    let name = ptsname(&terminal, Vec::new()).expect("its other end has a name");
    let other = OpenOptions::new()
        .read(true)
        .write(true)
        .open(OsStr::from_bytes(name.as_bytes()));
    let program = program.stderr(other.expect("its other end can be opened"));
    let reader = thread::spawn(move || {
        let (mut bytes, mut terminal) = (Vec::new(), File::from(terminal));
        // Reading fails once the other end is closed.
        let _ = terminal.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let end = program.env("TERM", "xterm").run();
    (end, reader.join().expect("it does not panic"))
}

#[test]
fn d7_control_characters_are_escaped_in_the_report() {
    for (arguments, code) in ENDS {
        let end = program!("forger").with(arguments).run();
        end.expect_code(code);
        expect_plain(&end);
    }
}

#[test]
fn d7_control_characters_are_escaped_in_the_log() {
    for (arguments, code) in ENDS {
        let end = program!("forger").with(arguments).env("LOG", "debug").run();
        end.expect_code(code);
        expect_plain(&end);
    }
}

#[test]
fn d7_control_characters_are_escaped_on_a_terminal() {
    for (arguments, code) in ENDS {
        let (end, output) = on_a_terminal(program!("forger").with(arguments));
        end.expect_code(code);
        expect_escaped(&end, &output);
    }
}

#[test]
fn d7_control_characters_of_a_task_that_panics_are_escaped() {
    for program in [program!("forger"), program!("forger").env("LOG", "debug")] {
        let mut run = program.with("task=panic").start();
        run.until("task");
        run.until("main");
        run.terminate();
        expect_plain(run.end().expect_code(0));
    }
}

#[test]
fn d7_control_characters_are_escaped_in_messages_about_the_environment() {
    let names = [
        "LIFECYCLE_",
        "LIFECYCLE_TIMEOUT_",
        "LIFECYCLE_START_TIMEOUT_",
    ];
    for name in names.map(|name| format!("{name}{TEXT}")) {
        for (strict, code) in [("0", 0), ("1", 2)] {
            let end = program!("forger")
                .with("main=ok")
                .env(&name, "5s")
                .env("LIFECYCLE_STRICT", strict)
                .run();
            expect_plain(end.expect_code(code));
        }
        let (end, output) = on_a_terminal(program!("forger").with("main=ok").env(&name, "5s"));
        expect_escaped(end.expect_code(0), &output);
    }
    for name in [
        "LIFECYCLE_SHUTDOWN_TIMEOUT",
        "LIFECYCLE_CONSOLE",
        "LIFECYCLE_TIMEOUT_EVIL",
    ] {
        let end = program!("forger").env(name, TEXT).run();
        expect_plain(end.expect_code(2));
    }
}
