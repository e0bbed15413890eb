//! The README's program, as built from what the README prints.

use lifecycle_tests::run::{Program, Signal};

#[test]
fn the_program_of_the_readme_counts_until_it_is_told_and_ends_well() {
    let mut run = Program::new(env!("CARGO_BIN_EXE_hello")).start();
    run.until_stdout("main: up; press Ctrl+C");
    run.until_stdout("worker: 1");
    run.signal(Signal::INT);
    run.until_stdout("worker: told to stop, so it finishes what it is at");
    run.until_stdout("database: closed, after everyone who used it");
    run.end().expect_code(0);
}
