//! Faults of the whole process: aborts, and what no thread of it can have any more.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program, Signal};
use lifecycle_tests::program;

/// The deadline of those that are stopped by [`stop`]; its end are 2 s of reserve.
const DEADLINE: Duration = Duration::from_secs(3);
const CHAIN: [&str; 5] = ["e", "d", "c", "b", "a"];

fn flavours() -> [fn() -> Program; 2] {
    [|| program!("chain"), || program!("chain_current_thread")]
}

/// Asks it to stop, once it is up. It is gone by its deadline.
fn stop(program: Program) -> End {
    let mut run = program.limits("3s", "2s").up();
    let told = run.terminate();
    let end = run.end();
    end.expect_gone(told, DEADLINE);
    end
}

/// The same for one that hangs as it ends, and takes all the time that it has.
fn stop_soon(program: Program) -> End {
    let mut run = program.limits("1s", "300ms").up();
    let told = run.terminate();
    let end = run.end();
    end.expect_gone(told, Duration::from_secs(1));
    end
}

/// Everything that is up gets its emergency hook when the process aborts while `e` stops. That takes its time: the
/// backtrace of a second panic is always written.
fn all_get_their_hooks(program: Program) {
    let mut run = program.limits("20s", "5s").up();
    run.terminate();
    run.end()
        .expect_code(134)
        .expect_names("emergency ok", "e d c b a")
        .expect_none("d.stop");
}

#[test]
fn b1_a_panic_while_panicking() {
    for flavour in flavours() {
        all_get_their_hooks(flavour().with("e.stop=double"));
    }
}

#[test]
fn b1_an_abort() {
    for flavour in flavours() {
        all_get_their_hooks(flavour().with("e.stop=abort"));
    }
}

#[test]
fn b2_a_panic_in_a_program_that_aborts_on_panic() {
    // Beside this profile's folder, so that what runs the tests can keep it.
    let ours = Path::new(env!("CARGO_BIN_EXE_chain"));
    let target = ours.ancestors().nth(2).expect("target/debug/chain");
    let programs = ["chain", "chain_current_thread"];
    let built = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "build",
            "--profile=abort",
            "--locked",
            "--offline",
            "--quiet",
        ])
        .args(programs.map(|name| format!("--bin={name}")))
        .arg("--target-dir")
        .arg(target)
        .status();
    assert!(built.is_ok_and(|status| status.success()), "it is built");
    for name in programs {
        let program = target.join("abort").join(name);
        let program = program.to_str().expect("a path that can be written down");
        all_get_their_hooks(Program::new(program).with("e.stop=panic"));
        // A hook that panics is its thread's end, and nobody else's.
        stop(Program::new(program).with("e.stop=panic d.emergency=panic"))
            .expect_code(134)
            .expect_names("emergency", "e d c b a")
            .expect_names("emergency ok", "e c b a");
    }
}

#[test]
fn b3_a_stack_overflow() {
    for flavour in flavours() {
        all_get_their_hooks(flavour().with("e.stop=overflow"));
    }
}

#[test]
fn b4_no_memory_is_left() {
    for flavour in flavours() {
        all_get_their_hooks(flavour().with("e.stop=oom"));
    }
}

#[test]
fn b4_no_memory_is_left_with_more_hooks_than_threads_for_them() {
    let end = stop(program!("emergencies").with("any.stop=oom"));
    end.expect_code(134);
    assert_eq!(end.names("emergency ok").len(), 20, "{end}");
}

#[test]
fn b5_the_allocators_lock_is_stuck() {
    for flavour in flavours() {
        stop(flavour().with("e.stop=allocator"))
            .expect_code(3)
            .expect_names("emergency ok", "e d c b a");
    }
}

#[test]
fn b5_the_allocators_lock_is_stuck_with_more_hooks_than_threads_for_them() {
    let end = stop(program!("emergencies").with("any.stop=allocator hanging=3,5,9 hang=hang"));
    end.expect_code(3);
    assert_eq!(end.names("emergency ok").len(), 20, "{end}");
}

#[test]
fn b6_the_runtime_panics_out_of_block_on() {
    // What waits for descriptors gets others, for which nobody can wait.
    for moment in ["e.stop=close,files,hang", "main=close,files,hang"] {
        stop(program!("chain_current_thread").with(moment))
            .expect_code(1)
            .expect_line(&["unexpected error when polling the I/O driver"])
            .expect_line(&["main", "the runtime panicked"])
            .expect_names("emergency ok", "e d c b a");
    }
}

#[test]
fn b7_panics_that_print_where_they_came_from() {
    let panics =
        "e.stop=panic d.stop=panic c.stop=panic b.stop=panic a.stop=panic c.emergency=panic";
    for flavour in flavours() {
        let end = stop(flavour().env("RUST_BACKTRACE", "1").with(panics));
        end.expect_code(3)
            .expect_names("emergency", "e d c b a")
            .expect_line(&["stack backtrace"]);
    }
}

#[test]
fn b8_no_descriptor_is_left() {
    for flavour in flavours() {
        for moment in ["c.start=files", "main=files,told", "e.stop=files"] {
            let end = stop(flavour().with(moment));
            end.expect_code(0).expect_names("stop ok", "e d c b a");
        }
    }
}

#[test]
fn b8_no_thread_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    for (program, moments) in [
        (
            env!("CARGO_BIN_EXE_chain"),
            ["c.start=threads", "main=threads,told", "e.stop=threads"],
        ),
        (
            env!("CARGO_BIN_EXE_odds"),
            [
                "heavy.start=threads",
                "main=threads,told",
                "follower.stop=threads",
            ],
        ),
    ] {
        for flavour in ["", "_current_thread"] {
            for moment in moments {
                let program = limited_in_threads(&format!("{program}{flavour}"), folder.path());
                let end = stop(program.with(moment));
                end.expect_code(0).expect_names("emergency", "");
            }
        }
    }
}

/// The program where the limit on threads binds it, which it does not bind root: as nobody, from a folder that nobody
/// can read.
fn limited_in_threads(program: &str, folder: &Path) -> Program {
    if !rustix::process::geteuid().is_root() {
        return Program::new(program);
    }
    let name = Path::new(program).file_name().expect("the program has one");
    let copy = folder.join(name);
    fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("the folder is ours");
    // Not by this process: a child that another test starts meanwhile would have it open for writing.
    let copied = Command::new("cp").arg(program).arg(&copy).status();
    assert!(copied.is_ok_and(|status| status.success()), "it is copied");
    let copy = copy.to_str().expect("a path that can be written down");
    Program::new(copy).through("exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"")
}

#[test]
fn b8_no_blocking_task_of_the_runtime_is_left() {
    for program in [program!("odds"), program!("odds_current_thread")] {
        let end = stop(program.with("main=leave:512,told"));
        end.expect_code(0)
            .expect_order(&["threaded.stop", "threaded.stop ok"])
            .expect_names("emergency", "");
    }
}

#[test]
fn b9_a_stray_close_of_descriptors() {
    for flavour in flavours() {
        for moment in [
            "main=close,told",
            "main=close,hang",
            "e.stop=close",
            "e.stop=close,error",
            "e.stop=close,hang",
            "e.stop=close,block",
            "c.stop=close",
        ] {
            stop(flavour().with(moment)).expect_cleanup(&CHAIN);
        }
    }
}

#[test]
fn b9_a_stray_close_while_it_starts() {
    for flavour in flavours() {
        let mut run = flavour().with("c.start=close").limits("3s", "2s").start();
        let closed = run.until("c.start ok");
        // Where it comes up all the same.
        run.try_signal(Signal::TERM);
        let end = run.end();
        end.expect_gone(closed, DEADLINE)
            .expect_cleanup(&["b", "a"]);
    }
}

#[test]
fn b10_a_handler_of_exit_hangs() {
    for flavour in flavours() {
        unless_late(|| {
            stop_soon(flavour().with("main=atexit,told"))
                .expect_code(0)
                .expect_names("stop ok", "e d c b a");
        });
        unless_late(|| {
            stop_soon(flavour().with("main=atexit,told c.stop=error"))
                .expect_code(3)
                .expect_names("emergency ok", "c");
        });
        // User code that ends the process by itself hangs there, too.
        unless_late(|| {
            stop_soon(flavour().with("c.stop=atexit,exit"))
                .expect_code(3)
                .expect_once("c.emergency ok")
                .expect_cleanup(&CHAIN);
        });
    }
}

#[test]
fn b10_a_handler_of_exit_hangs_when_the_end_is_forced() {
    for flavour in flavours() {
        unless_late(|| {
            let program = flavour().with("e.stop=atexit,hang").limits("20s", "1s");
            let mut run = program.up();
            run.terminate();
            let forced = run.another(Signal::TERM);
            let end = run.end();
            end.expect_code(143)
                .expect_names("emergency ok", "e d c b a")
                .expect_gone(forced, Duration::from_millis(1250));
        });
    }
}
