//! The drill, on programs without faults of their own: `cargo test -p lifecycle-tests --features drill --test it
//! drill::`.

use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program};
use lifecycle_tests::program;

fn drill(program: Program, directives: &str) -> End {
    let program = program.env("LIFECYCLE_DRILL", directives);
    program.limits("5s", "500ms").run()
}

fn chain(directives: &str) -> End {
    drill(program!("chain"), directives)
}

fn workers(only: &str, directives: &str) -> End {
    let program = program!("workers").with(&format!("only={only}"));
    drill(program, directives)
}

#[test]
fn a_stop_is_graceful_and_reported_in_every_output() {
    for (name, value) in [
        ("LIFECYCLE_CONSOLE", "auto"),
        ("LIFECYCLE_CONSOLE", "on"),
        ("LIFECYCLE_CONSOLE", "off"),
        ("LOG", "off"),
    ] {
        let end = drill(program!("chain").env(name, value), "stop");
        end.expect_code(0)
            .expect_names("start ok", "a b c d e")
            .expect_names("stop ok", "e d c b a")
            .expect_names("emergency", "")
            .expect_line(&["drill: the app is stopped as soon as it is up"]);
        for name in ["a", "b", "c", "d", "e"] {
            assert_eq!(end.row(name), ("safe".to_owned(), String::new()), "{end}");
        }
    }
}

#[test]
fn an_empty_variable_is_no_drill() {
    let end = drill(program!("chain").with("main=ok"), "");
    end.expect_code(0);
    assert!(!end.has_line(&["drill"]), "{end}");
}

#[test]
fn a_drilled_error_or_panic_replaces_the_stop() {
    for fault in ["error", "panic"] {
        let directive = format!("c.stop={fault}");
        let end = chain(&directive);
        end.expect_code(3)
            .expect_line(&["drill: this run goes wrong on purpose", &directive])
            .expect_line(&["drill: occurred", &directive])
            .expect_names("stop", "e d b a")
            .expect_names("emergency", "c")
            .expect_order(&["d.stop ok", "c.emergency", "b.stop"]);
        let (layer, note) = end.row("c");
        assert_eq!(layer, "emergency", "{end}");
        assert!(note.contains(&format!("the drill's {fault}")), "{end}");
    }
}

#[test]
fn a_stop_that_hangs_or_blocks_is_cancelled_at_its_timeout() {
    for fault in ["hang", "block"] {
        let program = program!("chain").env("LIFECYCLE_TIMEOUT_C", "200ms");
        let end = drill(program, &format!("c.stop={fault}"));
        end.expect_code(3)
            .expect_names("stop", "e d b a")
            .expect_names("emergency", "c");
        assert!(end.row("c").1.contains("did not end within"), "{end}");
    }
}

#[test]
fn a_stop_that_blocks_the_only_thread_is_followed_by_emergency_hooks() {
    let program = program!("chain_current_thread").env("LIFECYCLE_TIMEOUT_C", "200ms");
    drill(program, "c.stop=block")
        .expect_code(3)
        .expect_names("stop", "e d")
        .expect_names("emergency", "c b a");
}

#[test]
fn a_slow_hook_runs_nevertheless() {
    let end = chain("c.stop=slow 200ms, b.start=slow 200ms");
    end.expect_code(0)
        .expect_names("start ok", "a b c d e")
        .expect_names("stop ok", "e d c b a");
    let late = |before: &str, after: &str| end.at(after) - end.at(before);
    assert!(
        late("a.start ok", "b.start") >= Duration::from_millis(200),
        "{end}"
    );
    assert!(
        late("d.stop ok", "c.stop") >= Duration::from_millis(200),
        "{end}"
    );
}

#[test]
fn a_failed_start_is_rolled_back() {
    for fault in ["error", "panic", "hang", "block", "slow 1m"] {
        let limit = if ["error", "panic"].contains(&fault) {
            "2s"
        } else {
            "200ms"
        };
        let program = program!("chain").env("LIFECYCLE_START_TIMEOUT_C", limit);
        drill(program, &format!("c.start={fault}, signal=once"))
            .expect_code(1)
            .expect_line(&["error: `c` did not start"])
            .expect_line(&["drill: occurred", "c.start"])
            .expect_line(&["drill: did not occur: any signal"])
            .expect_names("start", "a b")
            .expect_names("stop ok", "b a")
            .expect_none("main");
    }
}

#[test]
fn a_faulty_emergency_hook_is_reported() {
    let faults =
        "c.stop=error, c.emergency=panic, b.stop=error, b.emergency=hang, a.emergency=block";
    let end = chain(faults);
    end.expect_code(3)
        .expect_names("emergency", "")
        .expect_names("stop ok", "e d a")
        .expect_line(&["drill: did not occur: `a.emergency=block`"]);
    assert!(end.row("c").1.contains("the drill's panic"), "{end}");
    assert!(end.row("b").1.contains("did not end in its share"), "{end}");
}

#[test]
fn a_second_signal_forces_while_a_stop_hangs() {
    chain("c.stop=hang, d.stop=panic, signal=twice")
        .expect_code(143)
        .expect_names("stop ok", "e")
        .expect_names("emergency", "d c b a")
        .expect_line(&["forced by SIGTERM"])
        .expect_line(&["drill: occurred: `c.stop=hang`, `d.stop=panic`, 2 of 2 signals"]);
}

#[test]
fn a_second_signal_in_the_drain_calls_all_emergency_hooks() {
    chain("signal=once, signal@draining=once")
        .expect_code(143)
        .expect_names("stop", "")
        .expect_names("emergency", "e d c b a");
}

#[test]
fn the_end_waits_for_the_second_signal() {
    for directives in [
        "signal=twice",
        "signal@draining=once, signal@stopping=once",
        "signal@starting=twice",
    ] {
        let end = chain(directives);
        end.expect_code(143)
            .expect_names("emergency", "")
            .expect_line(&["2 of 2 signals"]);
        assert_eq!(
            end.names("start ok").len(),
            end.names("stop ok").len(),
            "{end}"
        );
    }
}

#[test]
fn a_third_signal_ends_the_process_without_a_report() {
    let end = chain("c.stop=hang, signal=thrice");
    end.expect_code(143).expect_names("stop ok", "e d");
    assert!(!end.has_line(&["started in", "stopped in"]), "{end}");
    assert!(!end.has_line(&["drill: occurred"]), "{end}");
}

#[test]
fn a_signal_comes_while_the_app_starts() {
    chain("c.start=slow 1m, signal@starting=once")
        .expect_code(0)
        .expect_none("main")
        .expect_none("d.start")
        .expect_names("emergency", "")
        .expect_line(&["did not come up"]);
}

#[test]
fn a_worker_fails_once_the_app_is_up() {
    for (worker, fault) in [
        ("steady", "error"),
        ("readied", "panic"),
        ("threaded", "error"),
    ] {
        workers(worker, &format!("{worker}.run={fault}"))
            .expect_code(1)
            .expect_none(worker)
            .expect_line(&[&format!("error: `{worker}` failed:"), "the drill's"])
            .expect_line(&["drill: occurred"])
            .expect_once("base.stop ok");
    }
}

#[test]
fn a_failure_that_the_app_survives_is_followed_by_a_stop() {
    let end = workers("careless", "careless.run=panic");
    end.expect_code(0).expect_line(&["drill: occurred"]);
    assert!(end.row("careless").1.contains("the drill's panic"), "{end}");
    // Startup does not wait for the first run.
    workers("periodic", "periodic.run=error")
        .expect_code(0)
        .expect_line(&["drill: occurred"]);
}

#[test]
fn a_worker_that_ignores_the_stop_is_cancelled() {
    for (worker, fault) in [
        ("readied", "hang"),
        ("steady", "block"),
        ("threaded", "hang"),
        ("threaded", "block"),
    ] {
        let end = workers(worker, &format!("{worker}.run={fault}"));
        end.expect_code(3).expect_none(worker);
        assert_eq!(end.row(worker).0, "timeout", "{end}");
    }
}

#[test]
fn a_stop_before_the_drilled_failure_ends_the_worker() {
    let mut run = program!("workers")
        .with("only=steady,readied readied.start=asked")
        .env("LIFECYCLE_DRILL", "steady.run=error")
        .start();
    run.until("readied.start");
    run.terminate();
    run.end()
        .expect_code(0)
        .expect_line(&["drill: did not occur: `steady.run=error`"])
        .expect_once("base.stop ok");
}

#[test]
fn faults_of_the_body_of_main() {
    for (fault, code) in [
        ("error", 1),
        ("panic", 1),
        ("hang", 3),
        ("block", 3),
        ("slow 100ms", 0),
    ] {
        // Only a body that is to time out has a short timeout.
        let drain = if code == 3 { "300ms" } else { "2s" };
        let program = program!("chain").env("LIFECYCLE_DRAIN_TIMEOUT", drain);
        let end = drill(program, &format!("main.run={fault}"));
        end.expect_code(code)
            .expect_names("stop ok", "e d c b a")
            .expect_line(&["drill: occurred", "main.run"]);
        assert_eq!(end.count("main"), usize::from(code == 0), "{end}");
    }
}

#[test]
fn a_faulty_reload_precedes_the_stop() {
    unless_late(|| {
        for fault in ["error", "hang"] {
            let program = program!("reloads").env("LIFECYCLE_START_TIMEOUT_POOL", "200ms");
            drill(program, &format!("pool.reload={fault}"))
                .expect_code(0)
                .expect_once("settings.reload ok")
                .expect_none("pool.reload")
                .expect_line(&["pool", "did not reload"])
                .expect_order(&["settings.reload ok", "pool.stop ok"]);
        }
    });
}

#[test]
fn an_invalid_drill_starts_nothing() {
    let end = chain("c.stpo=hang, C.stop=hnag, mailer.stop=hang, c.reload=error, signal=often");
    end.expect_code(2)
        .expect_names("start", "")
        .expect_line(&[
            "error: LIFECYCLE_DRILL: `c.stpo=hang`",
            "did you mean `stop`",
        ])
        .expect_line(&["`C.stop=hnag`", "did you mean `hang`", "`slow 3s`"])
        .expect_line(&["`mailer.stop=hang`", "`e`, `d`, `c`, `b`, `a` and `main`"])
        .expect_line(&["`c` has no `reload`", "`start`, `stop` and `emergency`"])
        .expect_line(&["`signal=often`", "`once`, `twice` and `thrice`"]);
    assert_eq!(end.stderr.lines().count(), 5, "{end}");
}

#[test]
fn e20_a_child_that_is_an_app_is_drilled_only_if_it_inherits_the_variable() {
    for (step, ended) in [
        ("life", "child exited with 0"),
        ("life:inherits", "child exited with 3"),
    ] {
        let program = program!("chain").with(&format!("main={step},asked"));
        drill(program, "c.stop=error")
            .expect_code(3)
            .expect_once(ended);
    }
}
