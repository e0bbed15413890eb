//! Workers: how they end, what that means for the app, and in which order they are told.

use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program, Signal, folder};
use lifecycle_tests::program;
use lifecycle_tests::random::{rng, runs};

fn flavours() -> [fn() -> Program; 2] {
    [
        || program!("workers"),
        || program!("workers_current_thread"),
    ]
}

/// Stops the program once that has happened.
fn stop_after(program: Program, seen: &[&str]) -> (End, Duration) {
    let mut run = program.start();
    seen.iter().for_each(|what| {
        run.until(what);
    });
    let told = run.terminate();
    (run.end(), told)
}

#[test]
fn a17_a_worker_that_fails_for_good_takes_the_app_down_with_exit_code_1() {
    let broken = |worker| format!("{worker} is broken");
    let panicked = |worker| format!("panicked: {worker} panics");
    let too_often = |_| "ended by itself more often".to_owned();
    for flavour in flavours() {
        for (worker, steps, error, runs) in [
            ("steady", "slow:50,error", &broken as &dyn Fn(_) -> _, 1),
            ("steady", "slow:50,panic", &panicked, 1),
            ("steady", "error", &broken, 1),
            ("steady", "panic", &panicked, 1),
            ("low", "slow:50,error", &broken, 1),
            ("low", "slow:50,panic", &panicked, 1),
            ("threaded", "slow:50,error", &broken, 1),
            ("threaded", "slow:50,panic", &panicked, 1),
            // Only that it finishes is a reason to stop by itself.
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
            let program = flavour().with(&format!("only={worker} {worker}={steps}"));
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
fn a17_a_worker_that_fails_and_may_leaves_the_app_running() {
    for flavour in flavours() {
        for (fault, error) in [
            ("slow:50,error", "careless is broken"),
            ("slow:50,panic", "careless panics"),
        ] {
            let program = flavour()
                .with("only=careless,steady")
                .with(&format!("careless={fault}"));
            let mut run = program.start();
            run.until("main");
            run.until_stderr(error);
            run.terminate();
            let end = run.end();
            end.expect_code(0).expect_order(&[
                "steady told",
                "steady ok",
                "owner.stop",
                "base.stop",
            ]);
        }
    }
}

#[test]
fn a17_a_worker_that_ends_early_is_completed_and_the_app_goes_on() {
    for flavour in flavours() {
        for worker in ["steady", "careless", "low", "threaded", "retried"] {
            let program = flavour().with(&format!("only={worker} {worker}=slow:50"));
            let ended = format!("{worker} ok");
            let (end, _) = stop_after(program, &[&ended, "main"]);
            end.expect_code(0)
                .expect_once(worker)
                .expect_order(&[&ended, "main told"])
                .expect_names("stop ok", "owner base");
        }
    }
}

#[test]
fn a17_a_worker_that_ends_early_and_whose_end_is_the_end_stops_the_app() {
    for flavour in flavours() {
        let end = flavour()
            .with("only=finisher,steady finisher=slow:100")
            .run();
        end.expect_code(0)
            .expect_order(&["finisher ok", "steady told", "owner.stop", "base.stop"]);
    }
}

#[test]
fn that_a_worker_ended_and_runs_again_is_told_of_unless_it_is_periodic() {
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
    for flavour in flavours() {
        for fault in ["error", "panic"] {
            let program = flavour()
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
    for flavour in flavours() {
        for name in ["steady", "careless"] {
            let program = || flavour().with(&format!("only={name} {name}=error main=slow:300"));
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
    for flavour in flavours() {
        let (end, _) = stop_after(
            flavour().with("only=readied readied.start=slow:100"),
            &["main"],
        );
        end.expect_code(0)
            .expect_order(&["readied.start ok", "main"]);
    }
}

#[test]
fn a11_a_worker_whose_synchronous_prefix_blocks_holds_up_others_for_100_ms_and_is_reported() {
    for (block, code) in [("block:700,told", 0), ("block", 3)] {
        unless_late(|| {
            let program = program!("workers").with(&format!("only=low,high,steady low={block}"));
            let (end, told) = stop_after(program, &["high", "steady", "main"]);
            end.expect_code(code)
                .expect_order(&["low", "high", "steady", "main"])
                .expect_line(&["low", "100ms", "it may block the runtime"])
                .expect_names("stop ok", "owner base")
                .expect_gone(told, Duration::from_secs(10));
            end.expect_after(end.at("low"), "high", 95..500);
            // Those have nothing to wait for.
            end.expect_after(end.at("high"), "main", 0..400);
            if code != 0 {
                assert_eq!(end.row("low").0, "timeout", "{end}");
            }
        });
    }
}

#[test]
fn a_worker_that_asks_for_the_stop_before_it_is_up_is_awaited() {
    // In its first poll it asks, and goes on for longer than a first poll is waited for.
    let steps = "steady=request,block:250,told owner.stop=slow:100 base.stop=slow:300";
    let end = program!("workers").with("only=steady").with(steps).run();
    end.expect_code(0)
        .expect_order(&[
            "steady told",
            "steady ok",
            "owner.stop",
            "base.stop",
            "base.stop ok",
        ])
        .expect_none("base.stop dropped");
}

#[test]
fn unordered_workers_and_main_are_told_first_then_the_ordered_ones_highest_first() {
    for flavour in flavours() {
        let arguments =
            "only=steady,low,high steady=told,slow:50 high=told,slow:50 low=told,slow:50";
        let (end, _) = stop_after(flavour().with(arguments), &["main"]);
        end.expect_code(0)
            .expect_order(&["low", "high", "steady", "main"])
            .expect_order(&[
                "steady told",
                "steady ok",
                "high told",
                "high ok",
                "low told",
                "low ok",
                "owner.stop",
                "base.stop",
            ]);
        end.expect_order(&["main told", "high told"]);
    }
}

#[test]
fn main_is_told_first_and_dropped_before_any_resource_stops() {
    for flavour in flavours() {
        unless_late(|| {
            let (end, told) = stop_after(flavour().with("main=told,hang"), &["main"]);
            end.expect_code(3).expect_order(&[
                "main told",
                "main dropped",
                "owner.stop",
                "base.stop",
            ]);
            end.expect_after(told, "main told", 0..800)
                .expect_line(&["main", "timeout"]);
        });
    }
}

#[test]
fn main_that_returns_stops_the_app_and_its_error_is_exit_code_1() {
    for flavour in flavours() {
        flavour()
            .with("main=ok")
            .run()
            .expect_code(0)
            .expect_order(&["main ok", "owner.stop", "base.stop"]);
        for fault in ["error", "panic"] {
            let end = flavour().with(&format!("main={fault}")).run();
            end.expect_code(1)
                .expect_names("stop ok", "owner base")
                .expect_line(&["error", "`main` failed", "main "]);
        }
    }
}

#[test]
fn shutdown_fail_is_exit_code_1_and_names_the_scope() {
    for flavour in flavours() {
        let end = flavour().with("only=steady steady=slow:50,fail,told").run();
        end.expect_code(1)
            .expect_line(&["error", "`steady` failed", "steady is broken"])
            .expect_names("stop ok", "owner base");
    }
}

#[test]
fn shutdown_fail_while_the_app_stops_is_exit_code_1_and_is_not_lost() {
    let (end, _) = stop_after(program!("workers").with("owner.stop=fail"), &["main"]);
    end.expect_code(1)
        .expect_line(&["owner", "owner.stop is broken"])
        .expect_names("stop ok", "owner base");
}

#[test]
fn lame_duck_goes_on_serving_unless_somebody_waits_at_a_terminal() {
    for (signal, waited) in [(Signal::TERM, 2000..3000), (Signal::INT, 0..1500)] {
        let mut run = program!("workers")
            .with("only=steady")
            .env("LIFECYCLE_LAME_DUCK", "2s")
            .start();
        run.until("main");
        let told = run.signal(signal);
        let end = run.end();
        end.expect_code(0)
            .expect_after(told, "steady told", waited)
            .expect_order(&["steady told", "owner.stop"]);
    }
}

#[test]
fn lame_duck_is_skipped_when_the_app_was_never_up() {
    let program = program!("chain")
        .with("c.start=error")
        .env("LIFECYCLE_LAME_DUCK", "5s");
    let end = program.limits("20s", "500ms").run();
    end.expect_code(1).expect_names("stop", "b a");
    assert!(end.took < Duration::from_secs(3), "{end}");
}

#[test]
fn a_worker_on_a_thread_is_told_and_awaited() {
    for flavour in flavours() {
        let (end, _) = stop_after(
            flavour().with("only=threaded threaded=told,slow:100"),
            &["threaded", "main"],
        );
        end.expect_code(0)
            .expect_order(&["threaded told", "threaded ok", "owner.stop"]);
    }
}

#[test]
fn a_worker_on_a_thread_that_never_ends_is_abandoned_and_reported() {
    for flavour in flavours() {
        let (end, told) = stop_after(
            flavour().with("only=threaded threaded=block"),
            &["threaded", "main"],
        );
        end.expect_code(3)
            .expect_names("stop ok", "owner base")
            .expect_gone(told, Duration::from_secs(2));
        end.expect_after(told, "owner.stop", 450..900);
        let (layer, note) = end.row("threaded");
        assert!(layer == "timeout" && note.contains("thread"), "{end}");
    }
}

#[test]
fn a_worker_that_is_told_and_never_ends_is_cut() {
    for flavour in flavours() {
        unless_late(|| {
            let (end, told) = stop_after(
                flavour().with("only=steady steady=hang"),
                &["steady", "main"],
            );
            end.expect_code(3)
                .expect_order(&["steady dropped", "owner.stop", "base.stop"])
                .expect_names("emergency", "");
            end.expect_after(told, "steady dropped", 900..1500);
            assert_eq!(end.row("steady").0, "timeout", "{end}");
        });
    }
}

#[test]
fn a_worker_that_never_yields_does_not_keep_the_others_from_stopping() {
    let (end, told) = stop_after(
        program!("workers").with("only=steady steady=spin"),
        &["steady", "main"],
    );
    end.expect_code(3)
        .expect_names("stop ok", "owner base")
        .expect_gone(told, Duration::from_secs(10));
    assert_eq!(end.row("steady").0, "timeout", "{end}");
}

#[test]
fn a18_a_worker_that_fails_while_the_app_stops_keeps_the_root_reason() {
    for flavour in flavours() {
        for (fault, error) in [("error", "low is broken"), ("panic", "low panics")] {
            let arguments = format!("only=steady,low steady=slow:50,error low=told,{fault}");
            let end = flavour().with(&arguments).run();
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
fn a18_a_worker_that_fails_after_a_signal_is_code_1_and_the_signal_stays_the_reason() {
    for flavour in flavours() {
        for (worker, arguments, error) in [
            (
                "steady",
                "only=steady steady=told,error",
                "steady is broken",
            ),
            ("steady", "only=steady steady=told,panic", "steady panics"),
            (
                "threaded",
                "only=threaded threaded=told,error",
                "threaded is broken",
            ),
            ("main", "main=told,panic", "main panics"),
        ] {
            let (end, _) = stop_after(flavour().with(arguments), &["main"]);
            end.expect_code(1)
                .expect_line(&["exit code 1", "(SIGTERM)"])
                .expect_names("stop ok", "owner base");
            assert!(end.row(worker).1.contains(error), "{end}");
        }
        // Not even told yet: it goes on serving for a while.
        unless_late(|| {
            let program = flavour().with("only=steady steady=slow:1000,error");
            let (end, _) = stop_after(program.env("LIFECYCLE_LAME_DUCK", "2s"), &["main"]);
            end.expect_code(1)
                .expect_line(&["exit code 1", "(SIGTERM)"])
                .expect_none("steady told");
            assert!(end.row("steady").1.contains("steady is broken"), "{end}");
        });
    }
}

#[test]
fn a18_what_being_told_provokes_or_a_worker_may_do_is_code_0() {
    for flavour in flavours() {
        for arguments in [
            "only=steady steady=told,disconnect",
            "only=careless careless=told,error",
            "only=careless careless=told,panic",
        ] {
            let (end, _) = stop_after(flavour().with(arguments), &["main"]);
            end.expect_code(0).expect_names("stop ok", "owner base");
        }
    }
}

#[test]
fn a18_a_wrong_configuration_and_a_forced_end_count_for_more() {
    for flavour in flavours() {
        let arguments = "only=steady,low,readied low=told,error readied.start=slow:50,config";
        let end = flavour().with(arguments).run();
        end.expect_code(2)
            .expect_line(&["error: `readied` did not start", "CUSHIONS=0"])
            .expect_names("stop ok", "owner base");
        assert!(end.row("low").1.contains("low is broken"), "{end}");

        let arguments = "only=steady steady=slow:50,error owner.stop=hang";
        let mut run = flavour().with(arguments).limits("20s", "5s").start();
        run.until("owner.stop");
        run.terminate();
        run.another(Signal::INT);
        let end = run.end();
        end.expect_code(130)
            .expect_line(&["error: `steady` failed: steady is broken"])
            .expect_names("emergency ok", "owner base");
    }
}

/// Stops the program so long after its worker has begun a record; how it ended and what it has written.
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
fn d4_a_worker_is_asked_before_it_is_cut_and_leaves_nothing_half_written() {
    let mut random = rng();
    for worker in ["task", "thread"] {
        for _ in 0..runs(10) {
            // Anywhere in a record: one takes 5 ms.
            let (end, journal) =
                stop_amid_records(worker, Duration::from_micros(random.u64(..15_000)));
            end.expect_code(0).expect_order(&["asked", "journal.stop"]);
            assert!(
                !journal.is_empty() && journal.lines().all(|record| record == "<>"),
                "half written: {journal:?}\n{end}"
            );
        }
    }
    // One that does not ask is cut when its time is over, and it shows.
    let (end, journal) = stop_amid_records("deaf", Duration::ZERO);
    assert_eq!(journal, "<", "{end}");
    end.expect_code(3);
    assert_eq!(end.row("deaf").0, "timeout", "{end}");
}
