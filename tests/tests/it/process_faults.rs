//! Faults of the whole process: aborts, and exhausted resources.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program, Signal};
use lifecycle_tests::{flavors, program};

/// The deadline of programs that [`stop`] stops, of which 2 s are the reserve.
const DEADLINE: Duration = Duration::from_secs(3);
const CHAIN: [&str; 5] = ["e", "d", "c", "b", "a"];

/// Asks the program to stop once it is up. It is gone by its deadline.
fn stop(program: Program) -> End {
    program.limits("3s", "2s").stop_within(DEADLINE)
}

/// The same for a program that hangs at its end and takes all of its time.
fn stop_soon(program: Program) -> End {
    program
        .limits("1s", "300ms")
        .stop_within(Duration::from_secs(1))
}

/// Asserts that every component runs its emergency hook when the process aborts while `e` stops. The timeouts are long,
/// because a second panic always writes its backtrace.
fn all_get_their_hooks(program: Program) {
    let mut run = program.limits("20s", "5s").up();
    run.terminate();
    run.end()
        .expect_abort()
        .expect_names("emergency ok", "e d c b a")
        .expect_none("d.stop");
}

#[test]
fn b1_a_panic_while_panicking() {
    for flavor in flavors!("chain") {
        all_get_their_hooks(flavor().with("e.stop=double"));
    }
}

#[test]
fn b1_an_abort() {
    for flavor in flavors!("chain") {
        all_get_their_hooks(flavor().with("e.stop=abort"));
    }
}

#[test]
fn b2_a_panic_in_a_program_that_aborts_on_panic() {
    // Beside the folder of this profile, so that caches of the target directory keep it.
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
        // A hook that panics ends only its own thread.
        stop(Program::new(program).with("e.stop=panic d.emergency=panic"))
            .expect_abort()
            .expect_names("emergency", "e d c b a")
            .expect_names("emergency ok", "e c b a");
    }
}

#[test]
fn b3_a_stack_overflow() {
    for flavor in flavors!("chain") {
        all_get_their_hooks(flavor().with("e.stop=overflow"));
    }
}

#[test]
fn b4_memory_is_exhausted() {
    for flavor in flavors!("chain") {
        all_get_their_hooks(flavor().with("e.stop=oom"));
    }
}

#[test]
fn b4_memory_is_exhausted_with_more_hooks_than_threads() {
    let end = stop(program!("emergencies").with("any.stop=oom"));
    end.expect_abort();
    assert_eq!(end.names("emergency ok").len(), 20, "{end}");
}

#[test]
fn b5_the_allocators_lock_is_stuck() {
    for flavor in flavors!("chain") {
        stop(flavor().with("e.stop=allocator"))
            .expect_code(3)
            .expect_names("emergency ok", "e d c b a");
    }
}

#[test]
fn b5_the_allocators_lock_is_stuck_with_more_hooks_than_threads() {
    let end = stop(program!("emergencies").with("any.stop=allocator hanging=3,5,9 hang=hang"));
    end.expect_code(3);
    assert_eq!(end.names("emergency ok").len(), 20, "{end}");
}

#[test]
fn b6_the_runtime_panics_out_of_block_on() {
    // The closed descriptors are replaced by others, which cannot be polled.
    for moment in ["e.stop=close,files,hang", "main=close,files,hang"] {
        stop(program!("chain_current_thread").with(moment))
            .expect_code(1)
            .expect_line(&["unexpected error when polling the I/O driver"])
            .expect_line(&["main", "the runtime panicked"])
            .expect_names("emergency ok", "e d c b a");
    }
}

#[test]
fn b7_panics_with_backtraces() {
    let panics =
        "e.stop=panic d.stop=panic c.stop=panic b.stop=panic a.stop=panic c.emergency=panic";
    for flavor in flavors!("chain") {
        let end = stop(flavor().env("RUST_BACKTRACE", "1").with(panics));
        end.expect_code(3)
            .expect_names("emergency", "e d c b a")
            .expect_line(&["stack backtrace"]);
    }
}

#[test]
fn b8_descriptors_are_exhausted() {
    for flavor in flavors!("chain") {
        for moment in ["c.start=files", "main=files,asked", "e.stop=files"] {
            let end = stop(flavor().with(moment));
            end.expect_code(0).expect_names("stop ok", "e d c b a");
        }
    }
}

#[test]
fn b8_threads_are_exhausted() {
    let folder = tempfile::tempdir().expect("a folder");
    for (program, moments) in [
        (
            env!("CARGO_BIN_EXE_chain"),
            ["c.start=threads", "main=threads,asked", "e.stop=threads"],
        ),
        (
            env!("CARGO_BIN_EXE_odds"),
            [
                "heavy.start=threads",
                "main=threads,asked",
                "follower.stop=threads",
            ],
        ),
    ] {
        for flavor in ["", "_current_thread"] {
            for moment in moments {
                let program = limited_in_threads(&format!("{program}{flavor}"), folder.path());
                let end = stop(program.with(moment));
                end.expect_code(0).expect_names("emergency", "");
            }
        }
    }
}

/// The program, where the limit on threads binds it. Root is exempt from the limit, so that root runs it as an
/// unprivileged user, from a folder that this user can read.
fn limited_in_threads(program: &str, folder: &Path) -> Program {
    if !rustix::process::geteuid().is_root() {
        return Program::new(program);
    }
    let name = Path::new(program).file_name().expect("the program has one");
    let copy = folder.join(name);
    fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("the folder is ours");
    // Copied by another process: a child that another test starts meanwhile would inherit the file open for writing.
    let copied = Command::new("cp").arg(program).arg(&copy).status();
    assert!(copied.is_ok_and(|status| status.success()), "it is copied");
    let copy = copy.to_str().expect("a path that can be written down");
    Program::new(copy).through("exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"")
}

#[test]
fn b8_the_blocking_pool_is_exhausted() {
    for program in [program!("odds"), program!("odds_current_thread")] {
        let end = stop(program.with("main=leave:512,asked"));
        end.expect_code(0)
            .expect_order(&["threaded.stop", "threaded.stop ok"])
            .expect_names("emergency", "");
    }
}

#[test]
fn b9_a_stray_close_of_descriptors() {
    for flavor in flavors!("chain") {
        for moment in [
            "main=close,asked",
            "main=close,hang",
            "e.stop=close",
            "e.stop=close,error",
            "e.stop=close,hang",
            "e.stop=close,block",
            "c.stop=close",
        ] {
            stop(flavor().with(moment)).expect_cleanup(&CHAIN);
        }
    }
}

#[test]
fn b9_a_stray_close_during_startup() {
    for flavor in flavors!("chain") {
        let mut run = flavor().with("c.start=close").limits("3s", "2s").start();
        let closed = run.until("c.start ok");
        // The app may come up all the same.
        run.try_signal(Signal::TERM);
        let end = run.end();
        end.expect_gone(closed, DEADLINE)
            .expect_cleanup(&["b", "a"]);
    }
}

#[test]
fn b10_a_handler_of_exit_hangs() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            stop_soon(flavor().with("main=atexit,asked"))
                .expect_code(0)
                .expect_names("stop ok", "e d c b a");
        });
        unless_late(|| {
            stop_soon(flavor().with("main=atexit,asked c.stop=error"))
                .expect_code(3)
                .expect_names("emergency ok", "c");
        });
        // User code that exits the process hangs there, too.
        unless_late(|| {
            stop_soon(flavor().with("c.stop=atexit,exit"))
                .expect_code(3)
                .expect_once("c.emergency ok")
                .expect_cleanup(&CHAIN);
        });
    }
}

#[test]
fn b10_a_handler_of_exit_hangs_when_the_end_is_forced() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let program = flavor().with("e.stop=atexit,hang").limits("20s", "1s");
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
