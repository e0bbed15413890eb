//! Faults around signals: threads that stand still so that the kernel's timers must end the process, stopped processes,
//! masks, ignored signals, the first process of a namespace, a terminal that is gone.

use std::thread::sleep;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program, Run, Signal};
use lifecycle_tests::{flavors, program};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

const ON_TERMINAL: &str = env!("CARGO_BIN_EXE_on_terminal");
/// The deadline of programs that [`stop`] stops, of which 300 ms are the reserve.
const DEADLINE: Duration = Duration::from_secs(1);
/// How long after the deadline the kernel's timers end a process whose own threads cannot.
const BY_THE_KERNEL: Duration = Duration::from_millis(150);
/// All hooks hang, each on a thread of the runtime.
const BLOCKED: &str = "e.stop=block d.stop=block c.stop=block b.stop=block a.stop=block";

/// Asks the program to stop once it is up. It is gone at most this long after its deadline.
fn stop(program: Program, late: Duration) -> End {
    program.limits("1s", "300ms").stop_within(DEADLINE + late)
}

#[test]
fn b13_a_process_stopped_beyond_its_deadline_still_runs_its_hooks() {
    // Just beyond the deadline; and beyond the timers of the kernel.
    for (flavor, stopped) in flavors!("chain")
        .into_iter()
        .flat_map(|it| [(it, 1060), (it, 1500)])
    {
        unless_late(|| {
            // Enough time for the signals that follow; the share of the stop would be a fifth of it.
            let program = flavor()
                .with("e.stop=hang")
                .env("LIFECYCLE_TIMEOUT_E", "600ms");
            let mut run = program.limits("1s", "300ms").up();
            run.terminate();
            run.until("e.stop");
            run.signal(Signal::STOP);
            sleep(Duration::from_millis(stopped));
            run.signal(Signal::CONT);
            let end = run.end();
            end.expect_code(3);
            end.expect_names("emergency ok", "e d c b a");
            // The process continues when no time remains: no stop begins any more, and none after an emergency hook.
            end.expect_names("stop", "e");
            assert!(!end.stderr.contains("in 1s of 1s"), "{end}");
        });
    }
}

/// Stops the process (SIGSTOP) in `e.stop`, and continues it 100 ms before its deadline.
fn continued_just_before_its_deadline(program: Program) -> End {
    let mut run = program.limits("2s", "1s").up();
    run.terminate();
    run.until("e.stop");
    run.signal(Signal::STOP);
    sleep(Duration::from_millis(1900));
    run.signal(Signal::CONT);
    let end = run.end();
    end.expect_code(3);
    end
}

#[test]
fn b13_hanging_hooks_take_no_time_from_others_when_it_continues_just_before_the_deadline() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let hang = "e.stop=hang e.emergency=hang d.emergency=hang";
            let program = flavor().with(hang).env("LIFECYCLE_TIMEOUT_E", "900ms");
            continued_just_before_its_deadline(program).expect_names("emergency ok", "c b a");
        });
    }
}

#[test]
fn b13_hooks_have_their_reserve_when_it_continues_just_before_the_deadline() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let slow = "e.stop=freeze:lifecycle-watchdog,hang e.emergency=block:100 d.emergency=block:100 c.emergency=block:100";
            let program = flavor().with(slow).env("LIFECYCLE_TIMEOUT_E", "900ms");
            continued_just_before_its_deadline(program).expect_names("emergency ok", "e d c b a");
        });
    }
}

#[test]
fn the_watchdog_calls_the_hooks_in_the_reserve_when_the_driver_is_gone() {
    for flavor in flavors!("chain") {
        let program = flavor().with("e.stop=vanish:lifecycle,hang");
        let mut run = program.limits("2s", "1s").up();
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(3)
            .expect_after(asked, "e.emergency", 900..1500);
    }
}

#[test]
fn hooks_run_and_the_report_is_written_without_a_reserve() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let program = flavor()
                .with("e.stop=hang")
                .env("LIFECYCLE_TIMEOUT_E", "2s");
            let mut run = program.limits("2s", "0s").up();
            run.terminate();
            let end = run.end();
            end.expect_code(3)
                .expect_names("emergency ok", "e d c b a")
                .expect_line(&["component", "started in", "stopped in"]);
        });
    }
}

#[test]
fn b14_watchdog_and_driver_stand_still_or_are_gone() {
    for flavor in flavors!("chain") {
        for fault in ["freeze", "vanish"] {
            let arguments = format!("e.stop={fault}:lifecycle-watchdog+lifecycle,hang");
            unless_late(|| {
                stop(flavor().with(&arguments), BY_THE_KERNEL)
                    .expect_code(3)
                    .expect_names("emergency ok", "e d c b a");
            });
        }
    }
}

#[test]
fn b14_the_watchdog_is_gone_and_every_thread_of_the_runtime_blocks() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let arguments = format!("main=vanish:lifecycle-watchdog+lifecycle,block {BLOCKED}");
            stop(flavor().with(&arguments), BY_THE_KERNEL)
                .expect_code(3)
                .expect_names("emergency ok", "e d c b a");
        });
    }
}

#[test]
fn b14_the_watchdog_is_gone_and_the_driver_runs() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            stop(
                flavor().with("e.stop=vanish:lifecycle-watchdog,hang"),
                Duration::ZERO,
            )
            .expect_code(3)
            .expect_names("emergency ok", "e")
            .expect_names("stop ok", "d c b a");
        });
    }
}

#[test]
fn b14_the_threads_of_the_emergency_hooks_stand_still_or_are_gone_too() {
    for flavor in flavors!("chain") {
        for fault in ["freeze", "vanish"] {
            let threads = "lifecycle-watchdog+lifecycle-emergency+lifecycle";
            unless_late(|| {
                let program = flavor().with(&format!("e.stop={fault}:{threads},hang"));
                stop(program, Duration::from_millis(250)).expect_code(3);
            });
        }
    }
}

#[test]
fn c6_signals_that_the_parent_has_masked() {
    for signal in [Signal::TERM, Signal::INT] {
        let masked = "exec env --block-signal=TERM --block-signal=INT \"$@\"";
        let mut run = program!("chain").through(masked).up();
        run.signal(signal);
        run.end().expect_code(0).expect_names("stop", "e d c b a");
    }
}

#[test]
fn c6_signals_of_the_kernels_timers_are_masked_and_the_watchdog_is_gone() {
    unless_late(|| {
        let program = program!("chain")
            .through("exec env --block-signal=RTMAX-1 --block-signal=RTMAX-2 \"$@\"")
            .with("e.stop=vanish:lifecycle-watchdog+lifecycle,hang");
        stop(program, BY_THE_KERNEL)
            .expect_code(3)
            .expect_names("emergency ok", "e d c b a");
    });
}

#[test]
fn c7_stop_signals_are_ignored_from_the_middle_of_the_shutdown_on() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let mut run = flavor()
                .with("e.stop=ignore,block")
                .with(BLOCKED)
                .limits("1s", "300ms")
                .up();
            let asked = run.terminate();
            run.until("e.stop");
            run.another(Signal::TERM);
            let end = run.end();
            end.expect_gone(asked, DEADLINE)
                .expect_code(3)
                .expect_names("emergency ok", "e d c b a");
        });
    }
}

#[test]
fn c7_a_hook_masks_all_signals_and_hangs() {
    for flavor in flavors!("chain") {
        for hangs in ["hang", "block"] {
            let arguments = format!("e.stop=mask,{hangs} {BLOCKED}");
            unless_late(|| {
                stop(flavor().with(&arguments), Duration::ZERO)
                    .expect_code(3)
                    .expect_names("emergency ok", "e d c b a");
            });
        }
        let arguments = "e.stop=mask,ignore,vanish:lifecycle-watchdog+lifecycle,hang";
        unless_late(|| {
            stop(flavor().with(arguments), BY_THE_KERNEL)
                .expect_code(3)
                .expect_names("emergency ok", "e d c b a");
        });
    }
}

#[test]
fn signals_are_handled_when_the_main_thread_masks_them() {
    for flavor in flavors!("chain") {
        for fault in ["uninterruptible", "freeze:first,hang"] {
            // A stop that hangs, so that it does not end before the second signal, however late that is.
            let arguments = format!("main={fault} e.stop=hang");
            let mut run = flavor().with(&arguments).limits("20s", "5s").up();
            run.terminate();
            let forced = run.another(Signal::TERM);
            let end = run.end();
            end.expect_code(143)
                .expect_names("emergency ok", "e d c b a")
                .expect_gone(forced, Duration::from_millis(300));
        }
    }
}

/// The program as the first process of a namespace, up.
fn as_first(program: Program) -> Run {
    let user = if rustix::process::geteuid().is_root() {
        ""
    } else {
        "--user --map-root-user"
    };
    let script = format!("exec unshare {user} --pid --fork --kill-child --mount-proc \"$@\"");
    let mut run = program.through(&script).up();
    run.follow();
    run
}

#[test]
#[ignore = "needs namespaces of processes: root, or namespaces of users"]
fn c8_the_first_process_of_a_namespace_stops_gracefully() {
    for flavor in flavors!("chain") {
        for signal in [Signal::TERM, Signal::INT] {
            let mut run = as_first(flavor());
            run.signal(signal);
            run.end()
                .expect_code(0)
                .expect_names("stop ok", "e d c b a");
        }
    }
}

#[test]
#[ignore = "needs namespaces of processes: root, or namespaces of users"]
fn c8_the_first_process_of_a_namespace_is_forced_by_a_second_signal() {
    for flavor in flavors!("chain") {
        let program = flavor().with("e.stop=block").limits("20s", "5s");
        let mut run = as_first(program);
        run.terminate();
        let forced = run.another(Signal::TERM);
        let end = run.end();
        end.expect_code(143)
            .expect_names("emergency ok", "e d c b a")
            .expect_gone(forced, Duration::from_millis(300));
    }
}

#[test]
#[ignore = "needs namespaces of processes: root, or namespaces of users"]
fn c8_the_first_process_of_a_namespace_is_gone_by_its_deadline() {
    for flavor in flavors!("chain") {
        // By the watchdog; by the kernel's timers, of which the last one, a kill, has no effect on such a process; by
        // an abort, whose signal has no default effect on it either; by `exit`.
        for (arguments, code) in [
            (BLOCKED, 3),
            ("e.stop=freeze:lifecycle-watchdog+lifecycle,hang", 3),
            ("e.stop=vanish:lifecycle-watchdog+lifecycle,hang", 3),
            ("e.stop=abort", 134),
            ("e.stop=exit:0", 3),
        ] {
            unless_late(|| {
                let mut run = as_first(flavor().with(arguments).limits("1s", "300ms"));
                let asked = run.terminate();
                let end = run.end();
                end.expect_gone(asked, DEADLINE + BY_THE_KERNEL)
                    .expect_code(code)
                    .expect_names("emergency ok", "e d c b a");
            });
        }
    }
}

#[test]
fn a_terminal_hangup_stops_an_app_that_could_reload() {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    // The program must not inherit this end.
    fcntl_setfd(&terminal, FdFlags::CLOEXEC).expect("it can be kept from children");
    grantpt(&terminal).expect("its other end is ours");
    unlockpt(&terminal).expect("its other end can be opened");
    let name = ptsname(&terminal, Vec::new()).expect("its other end has a name");
    let launcher = format!("exec {ON_TERMINAL} {} \"$@\"", name.to_string_lossy());
    let run = program!("reloads").through(&launcher).up();
    drop(terminal);
    run.end()
        .expect_code(0)
        .expect_none("settings.reload")
        .expect_names("stop", "pool settings");
}

#[test]
fn the_deadline_holds_when_the_thread_for_signals_is_gone() {
    for flavor in flavors!("chain") {
        for fate in ["freeze", "vanish"] {
            let arguments = format!("main={fate}:lifecycle-signals,note:deaf,asked");
            let program = flavor().with(&arguments).limits("1500ms", "1400ms");
            let mut run = program.start();
            run.until("deaf");
            let asked = run.terminate();
            run.end()
                .expect_code(3)
                .expect_gone(asked, Duration::from_millis(1500))
                .expect_names("emergency", "e d c b a");
        }
    }
}

#[test]
fn an_abort_sets_the_deadline_when_the_driver_stands_still() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let arguments = "main=freeze:lifecycle,note:now,abort a.emergency=hang";
            let end = flavor().with(arguments).limits("300ms", "250ms").run();
            end.expect_abort()
                .expect_names("emergency", "e d c b a")
                .expect_gone(end.at("now"), Duration::from_millis(300));
        });
    }
}

#[test]
fn a_signal_while_a_stack_overflow_is_handled_changes_nothing() {
    for flavor in flavors!("chain") {
        let arguments = "main=overflow d.emergency=block:100";
        let mut run = flavor().with(arguments).limits("20s", "5s").start();
        run.until("d.emergency");
        run.terminate();
        run.end()
            .expect_abort()
            .expect_names("emergency ok", "e d c b a");
    }
}
