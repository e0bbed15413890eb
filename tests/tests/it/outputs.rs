//! Outputs that are closed, gone, or full: no panic of ours, no hang, and the exit code is kept.

use std::time::Duration;

use lifecycle_tests::harness::{End, Program, full, gone};
use lifecycle_tests::program;

/// Three ways in which the chain ends by itself, and their exit codes.
const ENDS: [(&str, i32); 3] = [
    ("main=print:text", 0),
    ("main=ok c.stop=error", 3),
    ("d.start=error", 1),
];

/// Runs it to its end, which is by the deadline of 1.5 s.
fn run(program: Program) -> End {
    let end = program.limits("1500ms", "300ms").run();
    end.expect_gone(end.at("init"), Duration::from_millis(1700));
    assert!(!end.stderr.contains("panicked"), "{end}");
    end
}

/// With a subscriber that writes to standard error, without one, and with a line for each thing that happens.
fn logged(program: impl Fn() -> Program) -> [Program; 3] {
    let console = program().env("LIFECYCLE_CONSOLE", "on");
    [program(), program().env("LOG", "debug"), console]
}

#[test]
fn b11_outputs_that_are_closed_change_no_exit_code() {
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
fn b11_outputs_whose_reader_is_gone_change_no_exit_code() {
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
fn b11_a_standard_error_that_is_full_and_not_read_holds_nothing_up_beyond_the_deadline() {
    for (arguments, code) in ENDS {
        let pipes = [full(), full(), full()];
        let programs = logged(|| program!("chain").with(arguments));
        for (program, (_reader, writer)) in programs.into_iter().zip(pipes) {
            run(program.stderr(writer)).expect_code(code);
        }
    }
}

#[test]
fn b11_a_panic_whose_message_cannot_be_written_holds_nothing_up_beyond_the_deadline() {
    let (_reader, writer) = full();
    let end = run(program!("chain")
        .with("main=ok c.stop=panic")
        .stderr(writer));
    end.expect_code(3).expect_names("emergency", "c");
}

#[test]
fn b11_a_standard_output_that_is_full_and_not_read_holds_nothing_up_beyond_the_deadline() {
    let (_reader, writer) = full();
    let program = program!("chain").with("main=print:text").stdout(writer);
    run(program)
        .expect_code(0)
        .expect_names("stop ok", "e d c b a");
}
