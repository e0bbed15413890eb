//! Outputs that are closed, full, or have no reader: no panic, no hang, and the exit code stays the same.

use std::time::Duration;

use lifecycle_tests::harness::{End, Program, full, gone};
use lifecycle_tests::program;

/// Three ways in which the chain ends by itself, and their exit codes.
const ENDS: [(&str, i32); 3] = [
    ("main=print:text", 0),
    ("main=ok c.stop=error", 3),
    ("d.start=error", 1),
];

/// Runs the program, which must end by its deadline of 1.5 s.
fn run(program: Program) -> End {
    let end = program.limits("1500ms", "300ms").run();
    end.expect_gone(end.at("init"), Duration::from_millis(1700));
    assert!(!end.stderr.contains("panicked"), "{end}");
    end
}

/// With a subscriber that writes to standard error, without a subscriber, and with a log line for each event.
fn logged(program: impl Fn() -> Program) -> [Program; 3] {
    let console = program().env("LIFECYCLE_CONSOLE", "on");
    [program(), program().env("LOG", "debug"), console]
}

#[test]
fn b11_closed_outputs_change_no_exit_code() {
    for script in [
        "exec \"$@\" >&-",
        "exec \"$@\" 2>&-",
        "exec \"$@\" >&- 2>&-",
    ] {
        for (arguments, code) in ENDS {
            for program in logged(|| program!("chain").through(script).with(arguments)) {
                run(program).expect_code(code);
            }
        }
    }
}

#[test]
fn b11_outputs_without_a_reader_change_no_exit_code() {
    for (arguments, code) in ENDS {
        for program in logged(|| program!("chain").with(arguments).stderr(gone())) {
            run(program).expect_code(code);
        }
        for program in logged(|| program!("chain").with(arguments).stdout(gone())) {
            run(program).expect_code(code);
        }
        for program in logged(|| {
            program!("chain")
                .with(arguments)
                .stdout(gone())
                .stderr(gone())
        }) {
            run(program).expect_code(code);
        }
    }
}

#[test]
fn b11_a_full_standard_error_does_not_delay_the_end_beyond_the_deadline() {
    for (arguments, code) in ENDS {
        let pipes = [full(), full(), full()];
        let programs = logged(|| program!("chain").with(arguments));
        for (program, (_reader, writer)) in programs.into_iter().zip(pipes) {
            run(program.stderr(writer)).expect_code(code);
        }
    }
}

#[test]
fn b11_a_panic_message_that_blocks_does_not_delay_the_end_beyond_the_deadline() {
    let (_reader, writer) = full();
    let end = run(program!("chain")
        .with("main=ok c.stop=panic")
        .stderr(writer));
    end.expect_code(3).expect_names("emergency", "c");
}

#[test]
fn b11_a_full_standard_output_does_not_delay_the_end_beyond_the_deadline() {
    let (_reader, writer) = full();
    let program = program!("chain").with("main=print:text").stdout(writer);
    run(program)
        .expect_code(0)
        .expect_names("stop ok", "e d c b a");
}
