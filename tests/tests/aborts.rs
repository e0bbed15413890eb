//! What ends a process without asking: aborts, full stacks, a stop in the middle, a mask, a terminal that is gone.

use std::thread::sleep;
use std::time::Duration;

use lifecycle_tests::program;
use lifecycle_tests::run::{Program, Run, Signal};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

const ON_TERMINAL: &str = env!("CARGO_BIN_EXE_on_terminal");

fn flavours() -> [fn() -> Program; 2] {
    [|| program!("chain"), || program!("chain_current_thread")]
}

fn up(program: Program) -> Run {
    let mut run = program.start();
    run.until("main");
    run
}

/// Everything that is up gets its emergency hook when the process aborts while `e` stops.
fn all_get_their_hooks(arguments: &str) {
    for flavour in flavours() {
        let mut run = up(flavour().with(arguments));
        run.terminate();
        run.end()
            .expect_code(134)
            .expect_names("emergency", "e d c b a")
            .expect_none("d.stop");
    }
}

#[test]
fn b1_a_panic_while_panicking() {
    all_get_their_hooks("e.stop=double");
}

#[test]
fn b2_an_abort() {
    all_get_their_hooks("e.stop=abort");
}

#[test]
fn b3_a_stack_overflow() {
    all_get_their_hooks("e.stop=overflow");
}

#[test]
fn b13_a_process_that_was_stopped_over_its_deadline_still_gets_its_hooks() {
    for flavour in flavours() {
        let mut run = up(flavour().with("e.stop=hang").limits("1s", "300ms"));
        run.terminate();
        run.until("e.stop");
        run.signal(Signal::STOP);
        // Past the deadline, and past what the kernel's timers add to it.
        sleep(Duration::from_millis(1500));
        run.signal(Signal::CONT);
        let end = run.end();
        end.expect_code(3);
        for name in ["a", "b", "c", "d", "e"] {
            end.expect_once(&format!("{name}.emergency"));
        }
    }
}

#[test]
fn c6_signals_that_the_parent_has_masked() {
    for signal in [Signal::TERM, Signal::INT] {
        let masked = "exec env --block-signal=TERM --block-signal=INT \"$@\"";
        let mut run = up(program!("chain").through(masked));
        run.signal(signal);
        run.end().expect_code(0).expect_names("stop", "e d c b a");
    }
}

#[test]
fn a_terminal_that_hangs_up_stops_the_app_although_it_could_reload() {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    // The program must not have this end, too.
    fcntl_setfd(&terminal, FdFlags::CLOEXEC).expect("it can be kept from children");
    grantpt(&terminal).expect("its other end is ours");
    unlockpt(&terminal).expect("its other end can be opened");
    let name = ptsname(&terminal, Vec::new()).expect("its other end has a name");
    let launcher = format!("exec {ON_TERMINAL} {} \"$@\"", name.to_string_lossy());
    let run = up(program!("reloads").through(&launcher));
    drop(terminal);
    run.end()
        .expect_code(0)
        .expect_none("settings.reload")
        .expect_names("stop", "pool settings");
}
