//! Errors that a stop provokes, and others: how they are logged, and which exit code they lead to.

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program};
use lifecycle_tests::program;

/// Stops the program, with its log on standard error.
fn logged(program: Program) -> End {
    program.env("LOG", "lifecycle=debug").stop()
}

fn expect_clean_at_debug(end: &End, parts: &[&str]) {
    end.expect_code(0).expect_names("emergency", "");
    let line = end
        .stderr
        .lines()
        .find(|line| parts.iter().all(|part| line.contains(part)));
    assert!(
        line.is_some_and(|line| line.contains("DEBUG")),
        "{parts:?} is not logged at debug\n{end}"
    );
    for level in ["ERROR", "WARN"] {
        assert!(
            !end.has_line(&[level]),
            "something is logged at {level}\n{end}"
        );
    }
}

#[test]
fn a_disconnect_after_the_stop_request_is_logged_at_debug() {
    unless_late(|| {
        for program in [program!("workers"), program!("workers_current_thread")] {
            let end = logged(program.with("only=steady steady=asked,disconnect"));
            expect_clean_at_debug(&end, &["steady", "the line went dead"]);
        }
    });
}

#[test]
fn a_disconnect_before_the_stop_request_is_a_failure() {
    let end = program!("workers")
        .with("only=steady steady=slow:50,disconnect")
        .env("LOG", "lifecycle=debug")
        .run();
    end.expect_code(1)
        .expect_line(&["ERROR", "steady", "the line went dead"]);
}

#[test]
fn another_error_after_the_stop_request_is_a_failure() {
    for fault in ["error", "panic"] {
        let end = logged(
            program!("workers")
                .with("only=steady")
                .with(&format!("steady=asked,{fault}")),
        );
        end.expect_code(1)
            .expect_line(&["ERROR", "steady"])
            .expect_names("stop ok", "owner base");
    }
}

#[test]
fn an_expected_error_of_stop_is_logged_at_debug() {
    unless_late(|| {
        for program in [program!("chain"), program!("chain_current_thread")] {
            let end = logged(program.with("c.stop=expected"));
            expect_clean_at_debug(&end, &["c", "the cushion is flat"]);
            end.expect_names("stop", "e d c b a");
        }
    });
}

#[test]
fn an_unexpected_error_of_stop_is_logged_at_error_and_calls_the_emergency_hook() {
    for (fault, message) in [
        ("error", "c.stop is broken"),
        ("disconnect", "the line went dead"),
        ("panic", "c.stop panics"),
    ] {
        for program in [program!("chain"), program!("chain_current_thread")] {
            let end = logged(program.with(&format!("c.stop={fault}")));
            end.expect_code(3)
                .expect_line(&["ERROR", "component=\"c\"", "emergency", message])
                .expect_names("emergency", "c");
        }
    }
}

#[test]
fn starts_and_stops_are_logged() {
    let end = logged(program!("chain"));
    for component in ["a", "b", "c", "d", "e"] {
        let name = format!("component=\"{component}\"");
        end.expect_line(&["INFO", "lifecycle", "started", &name])
            .expect_line(&["INFO", "lifecycle", "stopped", &name]);
    }
    end.expect_code(0).expect_line(&["INFO", "SIGTERM"]);
}
