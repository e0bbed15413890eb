//! Workers: how they end, what that means for the app, and in which order they are asked to stop.

use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Signal, folder};
use lifecycle_tests::random::{rng, runs};
use lifecycle_tests::{flavors, program};

#[test]
fn a17_a_worker_that_fails_stops_the_app_with_exit_code_1() {
    let broken = |worker| format!("{worker} is broken");
    let panicked = |worker| format!("panicked: {worker} panics");
    let too_often = |_| "ended by itself more often".to_owned();
    for flavor in flavors!("workers") {
        for (worker, steps, error, runs) in [
            ("steady", "slow:50,error", &broken as &dyn Fn(_) -> _, 1),
            ("steady", "slow:50,panic", &panicked, 1),
            ("steady", "error", &broken, 1),
            ("steady", "panic", &panicked, 1),
            ("low", "slow:50,error", &broken, 1),
            ("low", "slow:50,panic", &panicked, 1),
            ("threaded", "slow:50,error", &broken, 1),
            ("threaded", "slow:50,panic", &panicked, 1),
            // Only the worker with `on_finish = "shutdown"` stops the app by finishing.
            ("finisher", "slow:50,error", &broken, 1),
            ("finisher", "slow:50,panic", &panicked, 1),
            ("retried", "slow:50,error", &broken, 3),
            ("retried", "slow:50,panic", &panicked, 3),
            ("eternal", "slow:50,error", &broken, 3),
            ("eternal", "slow:50,panic", &panicked, 3),
            ("eternal", "slow:50,ok", &too_often, 3),
            ("periodic", "error", &broken, 3),
            ("periodic", "panic", &panicked, 3),
        ] {
            let program = flavor().with(&format!("only={worker} {worker}={steps}"));
            let end = program.run();
            end.expect_code(1)
                .expect_names("stop ok", "owner base")
                .expect_names("emergency", "")
                .expect_line(&["error", &format!("`{worker}`"), &error(worker)]);
            assert_eq!(end.count(worker), runs, "{end}");
        }
    }
}

#[test]
fn a17_an_ignored_failure_of_a_worker_keeps_the_app_running() {
    for flavor in flavors!("workers") {
        for (fault, error) in [
            ("slow:50,error", "careless is broken"),
            ("slow:50,panic", "careless panics"),
        ] {
            let program = flavor()
                .with("only=careless,steady")
                .with(&format!("careless={fault}"));
            let mut run = program.up();
            run.until_stderr(error);
            run.terminate();
            let end = run.end();
            end.expect_code(0).expect_order(&[
                "steady asked",
                "steady ok",
                "owner.stop",
                "base.stop",
            ]);
        }
    }
}

#[test]
fn a17_a_worker_that_finishes_is_completed_and_the_app_goes_on() {
    for flavor in flavors!("workers") {
        for worker in ["steady", "careless", "low", "threaded", "retried"] {
            let program = flavor().with(&format!("only={worker} {worker}=slow:50"));
            let ended = format!("{worker} ok");
            let (end, _) = program.stop_after(&[&ended, "main"]);
            end.expect_code(0)
                .expect_once(worker)
                .expect_order(&[&ended, "main asked"])
                .expect_names("stop ok", "owner base");
        }
    }
}

#[test]
fn a17_a_worker_that_finishes_stops_the_app_with_on_finish() {
    for flavor in flavors!("workers") {
        let end = flavor()
            .with("only=finisher,steady finisher=slow:100")
            .run();
        end.expect_code(0).expect_order(&[
            "finisher ok",
            "steady asked",
            "owner.stop",
            "base.stop",
        ]);
    }
}

#[test]
fn restarts_are_announced_except_those_of_periodic_workers() {
    let program = program!("workers").env("LIFECYCLE_CONSOLE", "on");
    let program = program.with("only=eternal,periodic eternal=slow:500 periodic=ok");
    let mut run = program.start();
    run.until_times("periodic ok", 2);
    run.until_times("eternal", 2);
    run.terminate();
    let end = run.end();
    end.expect_code(0).expect_line(&["eternal ended; again in"]);
    assert!(!end.has_line(&["periodic ended"]), "{end}");
}

#[test]
fn a_worker_that_fails_before_the_app_is_up_is_a_failed_start() {
    for flavor in flavors!("workers") {
        for fault in ["error", "panic"] {
            let program = flavor()
                .with("only=readied")
                .with(&format!("readied.start=slow:50,{fault}"));
            let end = program.run();
            end.expect_code(1)
                .expect_none("main")
                .expect_names("stop", "owner base")
                .expect_line(&["`readied` did not start"]);
        }
    }
}

#[test]
fn a_worker_that_fails_in_its_first_poll_is_a_failed_start() {
    for flavor in flavors!("workers") {
        for name in ["steady", "careless"] {
            let program = || flavor().with(&format!("only={name} {name}=error main=slow:300"));
            unless_late(|| {
                program()
                    .run()
                    .expect_code(1)
                    .expect_none("main")
                    .expect_line(&[name, "did not start"]);
            });
        }
    }
}

#[test]
fn a_worker_that_is_never_ready_times_out() {
    unless_late(|| {
        let program = program!("workers").with("only=readied readied.start=hang");
        let end = program
            .env("LIFECYCLE_START_TIMEOUT_READIED", "200ms")
            .run();
        end.expect_code(1)
            .expect_none("main")
            .expect_once("readied.start dropped")
            .expect_order(&["owner.stop", "base.stop"]);
    });
}

#[test]
fn main_starts_when_all_workers_are_ready() {
    for flavor in flavors!("workers") {
        let (end, _) = flavor()
            .with("only=readied readied.start=slow:100")
            .stop_after(&["main"]);
        end.expect_code(0)
            .expect_order(&["readied.start ok", "main"]);
    }
}

#[test]
fn a11_a_first_poll_that_blocks_delays_startup_by_100_ms_and_is_reported() {
    for (block, code) in [("block:700,asked", 0), ("block", 3)] {
        unless_late(|| {
            let program = program!("workers").with(&format!("only=low,high,steady low={block}"));
            let (end, asked) = program.stop_after(&["high", "steady", "main"]);
            end.expect_code(code)
                .expect_order(&["low", "high", "steady", "main"])
                .expect_line(&["low", "100ms", "it may block the runtime"])
                .expect_names("stop ok", "owner base")
                .expect_gone(asked, Duration::from_secs(10));
            end.expect_after(end.at("low"), "high", 95..500);
            // These workers have nothing to wait for.
            end.expect_after(end.at("high"), "main", 0..400);
            if code != 0 {
                assert_eq!(end.row("low").0, "timeout", "{end}");
            }
        });
    }
}

#[test]
fn a_worker_that_requests_the_stop_before_it_is_up_is_awaited() {
    // The worker requests the stop in its first poll, which takes longer than startup waits for a first poll.
    let steps = "steady=request,block:250,asked owner.stop=slow:100 base.stop=slow:300";
    let end = program!("workers").with("only=steady").with(steps).run();
    end.expect_code(0)
        .expect_order(&[
            "steady asked",
            "steady ok",
            "owner.stop",
            "base.stop",
            "base.stop ok",
        ])
        .expect_none("base.stop dropped");
}

#[test]
fn unordered_workers_and_main_are_asked_first_then_ordered_ones_by_descending_order() {
    for flavor in flavors!("workers") {
        let arguments =
            "only=steady,low,high steady=asked,slow:50 high=asked,slow:50 low=asked,slow:50";
        let (end, _) = flavor().with(arguments).stop_after(&["main"]);
        end.expect_code(0)
            .expect_order(&["low", "high", "steady", "main"])
            .expect_order(&[
                "steady asked",
                "steady ok",
                "high asked",
                "high ok",
                "low asked",
                "low ok",
                "owner.stop",
                "base.stop",
            ]);
        end.expect_order(&["main asked", "high asked"]);
    }
}

#[test]
fn main_is_asked_first_and_dropped_before_any_resource_stops() {
    for flavor in flavors!("workers") {
        unless_late(|| {
            let (end, asked) = flavor().with("main=asked,hang").stop_after(&["main"]);
            end.expect_code(3).expect_order(&[
                "main asked",
                "main dropped",
                "owner.stop",
                "base.stop",
            ]);
            end.expect_after(asked, "main asked", 0..800)
                .expect_line(&["main", "timeout"]);
        });
    }
}

#[test]
fn the_end_of_main_stops_the_app_and_its_error_exits_with_1() {
    for flavor in flavors!("workers") {
        flavor()
            .with("main=ok")
            .run()
            .expect_code(0)
            .expect_order(&["main ok", "owner.stop", "base.stop"]);
        for fault in ["error", "panic"] {
            let end = flavor().with(&format!("main={fault}")).run();
            end.expect_code(1)
                .expect_names("stop ok", "owner base")
                .expect_line(&["error", "`main` failed", "main "]);
        }
    }
}

#[test]
fn shutdown_fail_exits_with_1_and_names_the_scope() {
    for flavor in flavors!("workers") {
        let end = flavor().with("only=steady steady=slow:50,fail,asked").run();
        end.expect_code(1)
            .expect_line(&["error", "`steady` failed", "steady is broken"])
            .expect_names("stop ok", "owner base");
    }
}

#[test]
fn shutdown_fail_while_the_app_stops_exits_with_1() {
    let (end, _) = program!("workers")
        .with("owner.stop=fail")
        .stop_after(&["main"]);
    end.expect_code(1)
        .expect_line(&["owner", "owner.stop is broken"])
        .expect_names("stop ok", "owner base");
}

#[test]
fn a_lame_duck_serves_except_at_a_terminal() {
    for (signal, waited) in [(Signal::TERM, 2000..3000), (Signal::INT, 0..1500)] {
        let mut run = program!("workers")
            .with("only=steady")
            .env("LIFECYCLE_LAME_DUCK", "2s")
            .up();
        let asked = run.signal(signal);
        let end = run.end();
        end.expect_code(0)
            .expect_after(asked, "steady asked", waited)
            .expect_order(&["steady asked", "owner.stop"]);
    }
}

#[test]
fn a_lame_duck_is_skipped_when_the_app_was_never_up() {
    let program = program!("chain")
        .with("c.start=error")
        .env("LIFECYCLE_LAME_DUCK", "5s");
    let end = program.limits("20s", "500ms").run();
    end.expect_code(1).expect_names("stop", "b a");
    assert!(end.took < Duration::from_secs(3), "{end}");
}

#[test]
fn a_worker_on_a_thread_is_asked_to_stop_and_awaited() {
    for flavor in flavors!("workers") {
        let (end, _) = flavor()
            .with("only=threaded threaded=asked,slow:100")
            .stop_after(&["threaded", "main"]);
        end.expect_code(0)
            .expect_order(&["threaded asked", "threaded ok", "owner.stop"]);
    }
}

#[test]
fn a_worker_on_a_thread_that_never_ends_is_abandoned_and_reported() {
    for flavor in flavors!("workers") {
        let (end, asked) = flavor()
            .with("only=threaded threaded=block")
            .stop_after(&["threaded", "main"]);
        end.expect_code(3)
            .expect_names("stop ok", "owner base")
            .expect_gone(asked, Duration::from_secs(2));
        end.expect_after(asked, "owner.stop", 450..900);
        let (layer, note) = end.row("threaded");
        assert!(layer == "timeout" && note.contains("thread"), "{end}");
    }
}

#[test]
fn a_worker_that_never_ends_is_cancelled() {
    for flavor in flavors!("workers") {
        unless_late(|| {
            let (end, asked) = flavor()
                .with("only=steady steady=hang")
                .stop_after(&["steady", "main"]);
            end.expect_code(3)
                .expect_order(&["steady dropped", "owner.stop", "base.stop"])
                .expect_names("emergency", "");
            end.expect_after(asked, "steady dropped", 900..1500);
            assert_eq!(end.row("steady").0, "timeout", "{end}");
        });
    }
}

#[test]
fn a_worker_that_never_yields_does_not_block_other_stops() {
    let (end, asked) = program!("workers")
        .with("only=steady steady=spin")
        .stop_after(&["steady", "main"]);
    end.expect_code(3)
        .expect_names("stop ok", "owner base")
        .expect_gone(asked, Duration::from_secs(10));
    assert_eq!(end.row("steady").0, "timeout", "{end}");
}

#[test]
fn a18_a_worker_that_fails_while_the_app_stops_keeps_the_root_reason() {
    for flavor in flavors!("workers") {
        for (fault, error) in [("error", "low is broken"), ("panic", "low panics")] {
            let arguments = format!("only=steady,low steady=slow:50,error low=asked,{fault}");
            let end = flavor().with(&arguments).run();
            end.expect_code(1)
                .expect_line(&["error: `steady` failed: steady is broken"])
                .expect_line(&["exit code 1", "`steady` failed"])
                .expect_names("stop ok", "owner base");
            assert!(!end.has_line(&["error: `low` failed"]), "{end}");
            assert!(end.row("low").1.contains(error), "{end}");
        }
    }
}

#[test]
fn a18_a_worker_that_fails_after_a_signal_exits_with_1_and_the_signal_stays_the_reason() {
    for flavor in flavors!("workers") {
        for (worker, arguments, error) in [
            (
                "steady",
                "only=steady steady=asked,error",
                "steady is broken",
            ),
            ("steady", "only=steady steady=asked,panic", "steady panics"),
            (
                "threaded",
                "only=threaded threaded=asked,error",
                "threaded is broken",
            ),
            ("main", "main=asked,panic", "main panics"),
        ] {
            let (end, _) = flavor().with(arguments).stop_after(&["main"]);
            end.expect_code(1)
                .expect_line(&["exit code 1", "(SIGTERM)"])
                .expect_names("stop ok", "owner base");
            assert!(end.row(worker).1.contains(error), "{end}");
        }
        // The worker is not asked yet: it goes on serving for a while.
        unless_late(|| {
            let program = flavor().with("only=steady steady=slow:1000,error");
            let (end, _) = program
                .env("LIFECYCLE_LAME_DUCK", "2s")
                .stop_after(&["main"]);
            end.expect_code(1)
                .expect_line(&["exit code 1", "(SIGTERM)"])
                .expect_none("steady asked");
            assert!(end.row("steady").1.contains("steady is broken"), "{end}");
        });
    }
}

#[test]
fn a18_provoked_and_ignored_failures_exit_with_0() {
    for flavor in flavors!("workers") {
        for arguments in [
            "only=steady steady=asked,disconnect",
            "only=careless careless=asked,error",
            "only=careless careless=asked,panic",
        ] {
            let (end, _) = flavor().with(arguments).stop_after(&["main"]);
            end.expect_code(0).expect_names("stop ok", "owner base");
        }
    }
}

#[test]
fn a18_a_configuration_error_and_a_forced_end_take_precedence() {
    for flavor in flavors!("workers") {
        let arguments = "only=steady,low,readied low=asked,error readied.start=slow:50,config";
        let end = flavor().with(arguments).run();
        end.expect_code(2)
            .expect_line(&["error: `readied` did not start", "CUSHIONS=0"])
            .expect_names("stop ok", "owner base");
        assert!(end.row("low").1.contains("low is broken"), "{end}");

        let arguments = "only=steady steady=slow:50,error owner.stop=hang";
        let mut run = flavor().with(arguments).limits("20s", "5s").start();
        run.until("owner.stop");
        run.terminate();
        run.another(Signal::INT);
        let end = run.end();
        end.expect_code(130)
            .expect_line(&["error: `steady` failed: steady is broken"])
            .expect_names("emergency ok", "owner base");
    }
}

/// Stops the program at that time after its worker has begun a record. Returns how it ended, and what it has written.
fn stop_amid_records(worker: &str, after: Duration) -> (End, String) {
    let folder = folder();
    let program = program!("writes").with(&format!("only={worker}"));
    let mut run = program.env("JOURNAL", folder.path()).start();
    run.until("half");
    std::thread::sleep(after);
    run.terminate();
    let end = run.end();
    let journal = std::fs::read_to_string(folder.path().join("journal"));
    (end, journal.expect("a journal"))
}

#[test]
fn d4_a_worker_that_observes_the_stop_writes_only_whole_records() {
    let mut random = rng();
    for worker in ["task", "thread"] {
        for _ in 0..runs(10) {
            // Anywhere in a record, which takes 5 ms.
            let (end, journal) =
                stop_amid_records(worker, Duration::from_micros(random.u64(..15_000)));
            end.expect_code(0).expect_order(&["asked", "journal.stop"]);
            assert!(
                !journal.is_empty() && journal.lines().all(|record| record == "<>"),
                "half written: {journal:?}\n{end}"
            );
        }
    }
    // A worker that ignores the request is cancelled at its timeout, in the middle of a record.
    let (end, journal) = stop_amid_records("deaf", Duration::ZERO);
    assert_eq!(journal, "<", "{end}");
    end.expect_code(3);
    assert_eq!(end.row("deaf").0, "timeout", "{end}");
}
