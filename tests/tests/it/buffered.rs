//! A buffered writer that the app flushes: everything written to it is in its file at the end.

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{Signal, folder};
use lifecycle_tests::program;

const LINES: usize = 10_000;

/// Runs the program, sends it a number of signals, and asserts its exit code and whose lines are all in the file.
fn written_by(writers: &[&str], arguments: &str, signals: usize, code: i32) {
    let folder = folder();
    let file = folder.path().join("log");
    let path = file.to_str().expect("a path that can be written down");
    let mut run = program!("buffered")
        .with(&format!("lines={LINES} file={path} {arguments}"))
        .up();
    for signal in 0..signals {
        if signal == 0 {
            run.terminate();
        } else {
            run.another(Signal::TERM);
        }
    }
    run.end().expect_code(code);
    let log = std::fs::read_to_string(file).expect("the log is there");
    let expected = writers
        .iter()
        .flat_map(|writer| (0..LINES).map(move |line| format!("{writer} {line}")));
    assert!(
        log.lines().eq(expected),
        "{} lines are in the log, the last one is {:?}",
        log.lines().count(),
        log.lines().last()
    );
}

#[test]
fn b12_all_lines_are_on_disk_after_a_graceful_stop() {
    written_by(&["start", "main", "stop"], "", 1, 0);
    written_by(&["start", "main", "stop"], "main=ok", 0, 0);
}

#[test]
fn b12_a_slow_writer_has_the_time_until_the_deadline() {
    written_by(&["start", "main", "stop"], "writer=block:500", 1, 0);
}

#[test]
fn b12_all_lines_are_on_disk_after_a_failure() {
    written_by(&["start", "main", "stop"], "main=error", 0, 1);
    let writers = ["start", "main", "stop", "emergency"];
    written_by(&writers, "writes.stop=panic", 1, 3);
}

#[test]
fn b12_a_forced_end_gives_the_writer_a_quarter_of_a_second() {
    let writers = ["start", "main", "stop", "emergency"];
    unless_late(|| written_by(&writers, "writes.stop=hang", 2, 143));
}
