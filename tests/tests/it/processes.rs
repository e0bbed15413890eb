//! What user code does with processes: children made by `fork`, daemons, calls of `exit`.

use std::time::Duration;

use lifecycle_tests::flavors;
use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program, Signal};
#[cfg(target_os = "linux")]
use lifecycle_tests::processes::timer_signal;

/// Runs the program, of which something calls `exit`, to its end.
fn exits(program: Program, arguments: &str) -> End {
    let end = program.with(arguments).limits("20s", "2s").run();
    end.expect_line(&["error: `exit", "was called"]);
    end
}

#[test]
fn e3_a_child_that_panics_before_exec_dies_of_the_abort() {
    for flavor in flavors!("chain") {
        for hook in ["c.start", "main", "c.stop"] {
            let end = flavor().with(&format!("{hook}=spawn")).stop();
            end.expect_code(0)
                .expect_once("child died of 6")
                .expect_names("stop ok", "e d c b a");
        }
    }
}

#[test]
fn e3_a_child_that_is_terminated_before_exec_dies_of_the_signal() {
    for flavor in flavors!("chain") {
        let end = flavor().with("main=spawn:TERM,asked").stop();
        end.expect_code(0).expect_once("child died of 15");
    }
}

#[test]
fn e4_a_forked_child_takes_the_default_effect_of_signals() {
    for flavor in flavors!("chain") {
        for (fork, ended) in [
            ("TERM", "child died of 15".to_owned()),
            ("INT", "child died of 2".to_owned()),
            ("HUP", "child died of 1".to_owned()),
            ("ABRT", "child died of 6".to_owned()),
            ("abort", "child died of 6".to_owned()),
            ("exit", "child exited with 7".to_owned()),
            #[cfg(target_os = "linux")]
            ("TIMER", format!("child died of {}", timer_signal())),
        ] {
            let end = flavor().with(&format!("main=fork:{fork},asked")).stop();
            end.expect_code(0)
                .expect_once(&ended)
                .expect_names("emergency", "")
                .expect_names("stop ok", "e d c b a");
        }
    }
}

#[test]
fn e4_a_child_that_is_forked_while_the_app_stops_takes_the_default_effect() {
    for flavor in flavors!("chain") {
        for hook in ["c.stop", "a.stop"] {
            let end = flavor().with(&format!("{hook}=fork:TERM")).stop();
            end.expect_code(0)
                .expect_once("child died of 15")
                .expect_names("stop ok", "e d c b a");
        }
    }
}

#[test]
fn e5_a_daemon_made_in_init_says_what_is_wrong() {
    for flavor in flavors!("chain") {
        for (how, code) in [("daemonize", 2), ("daemonize:exit", 0)] {
            let end = flavor().with(&format!("init={how},note:child")).run();
            end.expect_code(code)
                .expect_once("child")
                .expect_names("start", "")
                .expect_line(&["error: ", "`init`", "has forked", "foreground"]);
        }
    }
}

/// Asserts that the child has ended with code 2, which the parent passes on, and has led no life.
fn is_refused(program: Program, arguments: &str, place: &str) {
    let end = program
        .with(&arguments.replace("fork", "daemonize,note:child"))
        .run();
    end.expect_code(2).expect_once("child").expect_line(&[
        "error: ",
        place,
        "has forked",
        "foreground",
    ]);
    // Other threads of the parent go on.
    for line in &end.evidence {
        assert_eq!(
            end.count(&line.what),
            1,
            "`{}` happens in both\n{end}",
            line.what
        );
    }
}

#[test]
fn e5_a_daemon_made_while_the_app_lives_says_what_is_wrong() {
    for flavor in flavors!("odds") {
        for (arguments, place) in [
            ("heavy.start=fork", "`heavy.start`"),
            ("threaded.start=fork", "`threaded.start`"),
            ("main=fork", "the body of `main`"),
            ("main=slow:20,fork", "the body of `main`"),
            ("main=ok heavy.stop=fork", "`heavy.stop`"),
            ("main=ok heavy.drop=fork", "a hook"),
            (
                "main=ok threaded.stop=error threaded.emergency=fork",
                "an emergency hook",
            ),
        ] {
            is_refused(flavor(), arguments, place);
        }
    }
    for flavor in flavors!("faults") {
        for (arguments, place) in [
            // The handle is asked in the child, or the code comes back from it.
            ("main.task=fork,asked", "`Faults`"),
            ("crunch=fork,asked", "`crunch`"),
            ("serve=fork,asked", "`serve`"),
            ("main.task=fork,slow:60000", "a task"),
            ("main.task=fork", "a task"),
            ("crunch=fork", "`crunch.run`"),
            ("serve=fork,slow:60000", "`serve.run`"),
        ] {
            is_refused(flavor(), arguments, place);
        }
    }
}

#[test]
fn e6_exit_by_user_code_runs_the_emergency_hooks() {
    for flavor in flavors!("chain") {
        for (call, said, code) in [
            ("exit:0", "`exit(0)`", 3),
            ("c-exit:0", "`exit(0)`", 3),
            ("exit:5", "`exit(5)`", 5),
            ("c-exit:5", "`exit(5)`", 5),
            ("exit:256", "`exit(0)`", 3),
            ("thread-exit:0,block", "`exit(0)`", 3),
            ("many-exit:0", "`exit(0)`", 3),
            ("many-c-exit:5", "`exit(5)`", 5),
            ("hook-exit:0,panic", "`exit(0)`", 3),
        ] {
            let end = exits(flavor(), &format!("main={call}"));
            end.expect_code(code)
                .expect_line(&["error: ", said, "was called"])
                .expect_names("emergency ok", "e d c b a")
                .expect_names("stop", "")
                .expect_gone(end.at("main"), Duration::from_secs(1));
        }
    }
}

#[test]
fn e6_exit_in_a_start_runs_the_hooks_of_what_is_up() {
    for flavor in flavors!("chain") {
        for (call, code) in [("exit:0", 3), ("exit:2", 2)] {
            exits(flavor(), &format!("c.start={call}"))
                .expect_code(code)
                .expect_names("emergency ok", "b a");
        }
        // Nothing is up: as without the framework.
        for place in ["init", "a.start"] {
            for code in [0, 2] {
                let end = flavor().with(&format!("{place}=exit:{code}")).run();
                end.expect_code(code).expect_names("emergency", "");
                assert_eq!(end.stderr, "", "{end}");
            }
        }
    }
}

#[test]
fn e6_exit_while_the_app_stops_runs_the_hooks_of_what_is_still_up() {
    for flavor in flavors!("chain") {
        let mut run = flavor().with("c.stop=exit:0").limits("20s", "2s").up();
        run.terminate();
        let end = run.end();
        end.expect_code(3)
            .expect_names("stop ok", "e d")
            .expect_names("emergency ok", "c b a")
            .expect_line(&["error: `exit(0)` was called"])
            .expect_gone(end.at("c.stop"), Duration::from_secs(1));
    }
}

#[test]
fn e6_exit_in_an_emergency_hook_lets_the_others_run() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let program = flavor().with("e.stop=hang d.emergency=exit:0");
            let mut run = program.limits("20s", "1s").up();
            run.signal(Signal::INT);
            let forced = run.another(Signal::INT);
            let end = run.end();
            end.expect_code(130)
                .expect_names("emergency", "e d c b a")
                .expect_names("emergency ok", "e c b a")
                .expect_gone(forced, Duration::from_millis(1250));
        });
    }
}

#[test]
fn e6_exit_after_everything_has_stopped_keeps_the_code_of_the_life() {
    for flavor in flavors!("chain") {
        for (main, code) in [("ok", 0), ("error", 1)] {
            let arguments = format!("main={main} writer=exit:0");
            let end = flavor().with(&arguments).limits("20s", "2s").run();
            end.expect_code(code)
                .expect_names("stop ok", "e d c b a")
                .expect_gone(end.at("writer"), Duration::from_secs(2));
            assert!(!end.stderr.contains("was called"), "{end}");
        }
    }
}

#[test]
fn e6_an_emergency_hook_that_hangs_does_not_hold_up_exit() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let end = flavor()
                .with("main=exit:0 d.emergency=hang")
                .limits("20s", "1s")
                .run();
            end.expect_code(3)
                .expect_names("emergency", "e d c b a")
                .expect_gone(end.at("main"), Duration::from_millis(1250));
        });
    }
}

/// The handler is registered before the app is up, so that it runs after the emergency hooks.
#[test]
fn e6_a_handler_of_exit_that_hangs_is_ended_at_the_deadline() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let end = flavor()
                .with("init=atexit main=exit:0")
                .limits("20s", "1s")
                .run();
            end.expect_code(3)
                .expect_names("emergency ok", "e d c b a")
                .expect_gone(end.at("main"), Duration::from_millis(1250));
        });
    }
}

#[test]
fn e6_exit_while_the_driver_stands_still_runs_the_emergency_hooks() {
    for flavor in flavors!("chain") {
        for (call, code) in [("exit:0", 3), ("exit:5", 5)] {
            unless_late(|| {
                let arguments = format!("main=freeze:lifecycle,note:now,{call}");
                let end = flavor().with(&arguments).limits("20s", "500ms").run();
                end.expect_code(code)
                    .expect_names("emergency ok", "e d c b a")
                    .expect_gone(end.at("now"), Duration::from_millis(750));
            });
        }
    }
}

#[test]
fn e6_the_report_says_that_exit_was_called() {
    for flavor in flavors!("chain") {
        let folder = lifecycle_tests::harness::folder();
        let path = folder.path().join("life.json");
        let program = flavor().env("LIFECYCLE_REPORT", &path);
        exits(program, "main=exit:0 writer=ok").expect_once("writer ok");
        let report = std::fs::read_to_string(path).expect("the report is written");
        let report: serde_json::Value = serde_json::from_str(&report).expect("it is JSON");
        assert_eq!(report["exit_code"], 3, "{report}");
        assert_eq!(report["reason"], "`exit(0)` was called", "{report}");
    }
}

#[test]
fn an_abort_ends_by_its_signal_after_the_hooks() {
    for flavor in flavors!("chain") {
        for arguments in ["main=abort", "e.stop=abort", "e.stop=overflow"] {
            let mut run = flavor().with(arguments).limits("20s", "2s").start();
            if arguments.starts_with('e') {
                run.until("main");
                run.terminate();
            }
            let end = run.end();
            end.expect_abort().expect_names("emergency ok", "e d c b a");
        }
    }
}

/// As the destructor of a C library may do. Nothing is up any more.
#[test]
fn an_abort_in_a_handler_of_exit_ends_the_process_at_once() {
    for flavor in flavors!("chain") {
        for arguments in [
            "main=atexit-abort,ok",
            // The handlers of user code run after the hooks, or before them.
            "init=atexit-abort main=exit:0",
            "main=atexit-abort,exit:0",
        ] {
            let end = flavor().with(arguments).limits("20s", "5s").run();
            end.expect_abort()
                .expect_cleanup(&["a", "b", "c", "d", "e"])
                .expect_gone(end.at("main"), Duration::from_millis(500));
        }
    }
}

#[test]
fn an_abort_from_outside_before_anything_starts_has_its_default_effect() {
    for flavor in flavors!("chain") {
        let mut run = flavor().with("init=block").start();
        run.until("init");
        run.signal(Signal::ABORT);
        run.end().expect_abort();
    }
}

#[test]
fn e20_a_child_that_is_an_app_takes_no_variables_of_its_parent() {
    for flavor in flavors!("chain") {
        let folder = lifecycle_tests::harness::folder();
        let path = folder.path().join("life.txt");
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
        let port = port.expect("a free port");
        for (step, ended) in [
            ("life", "child exited with 0"),
            // What the recipe is for: the address is in use.
            ("life:inherits", "child exited with 1"),
        ] {
            let end = flavor()
                .with(&format!("main={step},asked"))
                .env("LIFECYCLE_ADMIN", port.to_string())
                .env("LIFECYCLE_REPORT", &path)
                .stop_after(&[ended])
                .0;
            end.expect_code(0);
            let report = std::fs::read_to_string(&path).expect("the report is written");
            assert!(report.contains("SIGTERM"), "it is the parent's: {report}");
        }
    }
}
