//! The third layer, and the deadline, which holds whatever user code does.

use std::collections::BTreeSet;
use std::thread::scope;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::harness::{End, Program, Signal};
use lifecycle_tests::random::rng;
use lifecycle_tests::{flavors, program};

/// Stops the program, which has a deadline of 2 s, one of them in reserve.
fn run_into_the_deadline(program: Program) -> End {
    program
        .limits("2s", "1s")
        .stop_within(Duration::from_secs(2))
}

/// Forces the end of the program with a second signal.
fn force(program: Program) -> (End, Duration) {
    let mut run = program.up();
    run.terminate();
    let forced = run.another(Signal::TERM);
    (run.end(), forced)
}

#[test]
fn a5_every_thread_of_the_runtime_is_blocked_when_the_signal_comes() {
    let blocked = |program: Program, arguments: &str, seen: &[&str]| {
        let program = program.with(arguments).env("LOG", "info");
        let mut run = program.limits("3s", "1s").start();
        for what in seen {
            run.until(what);
        }
        run
    };
    // The last two workers block the two threads of the runtime, and the body of `main` blocks the main thread.
    let arguments = "only=steady,careless steady=block careless=block main=block";
    let cases = || {
        [
            blocked(
                program!("workers"),
                arguments,
                &["steady", "careless", "main"],
            ),
            blocked(program!("workers_current_thread"), "main=block", &["main"]),
        ]
    };
    for mut run in cases() {
        let asked = run.terminate();
        run.until_stderr("SIGTERM");
        let seen = now();
        let end = run.end();
        end.expect_code(3)
            .expect_took("the signal was seen", asked, seen, 0..500)
            .expect_gone(asked, Duration::from_secs(3))
            .expect_names("emergency ok", "owner base");
    }
    // A second signal that is late by a second finds the reserve begun, and forces nothing.
    unless_late(|| {
        for mut run in cases() {
            run.terminate();
            let forced = run.another(Signal::TERM);
            run.end()
                .expect_code(143)
                .expect_gone(forced, Duration::from_millis(250))
                .expect_names("emergency ok", "owner base");
        }
    });
}

#[test]
fn a12_an_emergency_hook_that_hangs_or_panics_lets_the_others_run() {
    let flavors = flavors!("chain");
    for (fault, reported) in [
        ("hang", "its emergency hook did not end in its share"),
        ("spin", "its emergency hook did not end in its share"),
        ("panic", "its emergency hook panicked: d.emergency panics"),
    ] {
        for flavor in flavors {
            let faulty = || flavor().with(&format!("e.stop=block d.emergency={fault}"));
            let check = |end: &End| {
                end.expect_names("emergency", "e d c b a")
                    .expect_names("emergency ok", "e c b a");
                assert!(end.row("d").1.contains(reported), "{end}");
            };
            unless_late(|| {
                let (end, forced) = force(faulty().limits("20s", "2s"));
                check(end.expect_code(143));
                end.expect_gone(forced, Duration::from_millis(2250));
            });
            // All have still to stop when the reserve begins: `e` takes all the time.
            unless_late(|| {
                let program = faulty().env("LIFECYCLE_TIMEOUT_E", "10s");
                check(run_into_the_deadline(program).expect_code(3));
            });
        }
    }
}

#[test]
fn a_hook_that_panics_is_reported_with_its_payload() {
    let mut run = program!("chain")
        .with("c.stop=error c.emergency=panic")
        .up();
    run.terminate();
    let end = run.end();
    end.expect_code(3)
        .expect_names("stop", "e d c b a")
        .expect_names("emergency", "c");
    let note = end.row("c").1;
    assert!(
        note.contains("c.stop is broken") && note.contains("c.emergency panics"),
        "{end}"
    );
}

#[test]
fn a_hook_that_hangs_is_abandoned_and_the_rest_stops() {
    unless_late(|| {
        let mut run = program!("chain")
            .with("c.stop=error c.emergency=hang")
            .limits("5s", "1s")
            .up();
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(3)
            .expect_names("stop ok", "e d b a")
            .expect_gone(asked, Duration::from_secs(5));
        // Its share of the reserve, which `b` and `a` may still need.
        end.expect_after(end.at("c.emergency"), "b.stop", 250..700);
    });
}

/// All twenty hooks run although those at these places in the order of stops hang: in a forced end at once, and where
/// each is due by itself.
fn expect_all_called(places: &BTreeSet<usize>) {
    let program = program!("emergencies").with("any.stop=hang");
    let (end, _) = force(program.limits("20s", "5s"));
    let in_stop_order: Vec<&str> = end.names("emergency");
    let hanging: Vec<&str> = places.iter().map(|place| in_stop_order[*place]).collect();
    let program = |stop: &str| {
        let hanging = hanging.join(",");
        let arguments = format!("any.stop={stop} hang=hang hanging={hanging}");
        program!("emergencies").with(&arguments).limits("20s", "3s")
    };
    let check = |end: &End| {
        let called: BTreeSet<&str> = end.names("emergency").into_iter().collect();
        assert_eq!(called.len(), 20, "{hanging:?}\n{end}");
        assert_eq!(end.names("emergency").len(), 20, "{hanging:?}\n{end}");
        assert_eq!(end.count("hang"), hanging.len(), "{hanging:?}\n{end}");
        for name in called {
            let given_up = end.row(name).1.contains("did not end in its share");
            assert_eq!(given_up, hanging.contains(&name), "`{name}`\n{end}");
        }
    };
    let (end, forced) = force(program("hang"));
    check(end.expect_code(143));
    end.expect_gone(forced, Duration::from_millis(3250));
    let mut run = program("error").up();
    let asked = run.terminate();
    let end = run.end();
    check(end.expect_code(3));
    end.expect_gone(asked, Duration::from_millis(3250));
}

#[test]
fn sixteen_hanging_hooks_do_not_block_the_other_four() {
    let mut random = rng();
    let mut anywhere: BTreeSet<usize> = (0..20).collect();
    while anywhere.len() > 16 {
        anywhere.remove(&random.usize(..20));
    }
    let every_fifth_runs = (0..20).filter(|place| place % 5 != 4).collect();
    let sets = [
        (0..16).collect(),
        (4..20).collect(),
        every_fifth_runs,
        anywhere,
    ];
    scope(|scope| {
        for half in sets.chunks(2) {
            scope.spawn(|| {
                half.iter()
                    .for_each(|places| unless_late(|| expect_all_called(places)))
            });
        }
    });
}

#[test]
fn twenty_healthy_hooks_take_no_time() {
    let (end, forced) = force(
        program!("emergencies")
            .with("any.stop=hang")
            .limits("20s", "5s"),
    );
    end.expect_code(143)
        .expect_gone(forced, Duration::from_secs(1));
    assert_eq!(end.names("emergency").len(), 20, "{end}");
}

#[test]
fn the_deadline_holds_when_everything_hangs() {
    let hooks = "a.stop=hang b.stop=hang c.stop=hang d.stop=hang e.stop=hang";
    let hanging =
        "a.emergency=hang b.emergency=hang c.emergency=hang d.emergency=hang e.emergency=hang";
    for program in [program!("chain"), program!("chain_current_thread")] {
        let end = run_into_the_deadline(program.with(hooks).with(hanging));
        end.expect_code(3);
        let mut names = end.names("emergency");
        names.sort_unstable();
        assert_eq!(names, ["a", "b", "c", "d", "e"], "{end}");
    }
}

#[test]
fn the_deadline_holds_when_main_blocks_its_thread() {
    let end = run_into_the_deadline(program!("chain_current_thread").with("main=block"));
    end.expect_code(3)
        .expect_names("emergency", "e d c b a")
        .expect_names("stop ok", "");
}

#[test]
fn a_main_that_blocks_its_thread_does_not_block_stops_on_other_threads() {
    let end = run_into_the_deadline(program!("chain").with("main=block"));
    end.expect_code(3)
        .expect_names("stop ok", "e d c b a")
        .expect_names("emergency", "");
}

#[test]
fn the_deadline_holds_when_main_spins() {
    let end = run_into_the_deadline(program!("chain_current_thread").with("main=spin"));
    end.expect_code(3)
        .expect_names("emergency", "e d c b a")
        .expect_names("stop ok", "");
}

#[test]
fn a14_blocking_on_a_future_in_place_at_the_end() {
    // This panics on a current-thread runtime.
    for program in [program!("chain"), program!("chain_current_thread")] {
        let end = run_into_the_deadline(program.with("c.stop=bridge"));
        end.expect_code(3)
            .expect_names("emergency ok", "c")
            .expect_names("stop ok", "e d b a");
        assert_eq!(end.row("c").0, "emergency", "{end}");
    }
    let end = run_into_the_deadline(program!("chain").with("main=asked,bridge"));
    end.expect_code(3)
        .expect_names("stop ok", "e d c b a")
        .expect_line(&["main", "timeout", "did not end within"]);
    // A destructor runs with the runtime entered, but on none of its threads.
    for program in [program!("odds"), program!("odds_current_thread")] {
        let end = run_into_the_deadline(program.with("heavy.drop=bridge"));
        end.expect_code(3)
            .expect_order(&["heavy.drop", "threaded.stop", "threaded.stop ok"]);
        let note = end.row("heavy").1;
        assert!(note.contains("its destructor did not end within"), "{end}");
    }
    // A destructor that runs when the runtime is dropped.
    for program in [
        program!("destructors"),
        program!("destructors_current_thread"),
    ] {
        let end = run_into_the_deadline(program.with("stray.drop=bridge"));
        end.expect_code(0)
            .expect_once("stray.drop")
            .expect_names("stop ok", "owner base");
    }
}

#[test]
fn a13_a_blocking_task_that_never_ends_is_abandoned_with_the_runtime() {
    for program in [program!("chain"), program!("chain_current_thread")] {
        let mut run = program.with("main=leave:3,asked").up();
        let asked = run.terminate();
        run.end()
            .expect_code(0)
            .expect_names("stop ok", "e d c b a")
            .expect_names("emergency", "")
            .expect_line(&["the runtime was abandoned"])
            .expect_gone(asked, Duration::from_millis(850));
    }
}

#[test]
fn a_runtime_that_ends_is_not_reported() {
    for flavor in flavors!("chain") {
        unless_late(|| {
            let end = run_into_the_deadline(flavor().with("c.stop=error"));
            end.expect_code(3);
            assert!(!end.has_line(&["left behind"]), "{end}");
        });
    }
}

#[test]
fn a15_no_hook_relies_on_the_blocking_pool_of_the_runtime() {
    // More than the pool holds: a queued task never runs, and is dropped with the runtime.
    let arguments = "main=leave:600,asked writer=slow:50";
    for program in [program!("odds"), program!("odds_current_thread")] {
        let mut run = program.with(arguments).up();
        let asked = run.terminate();
        run.end()
            .expect_code(0)
            .expect_order(&[
                "main asked",
                "heavy.stop ok",
                "heavy.drop entered",
                "heavy.drop ok",
                "threaded.stop entered",
                "threaded.stop ok",
                "writer",
                "writer ok",
            ])
            .expect_names("emergency", "")
            .expect_gone(asked, Duration::from_secs(2));
    }
    // Neither do the emergency hooks, nor a writer after them.
    for program in [program!("odds"), program!("odds_current_thread")] {
        let mut run = program.with(arguments).with("threaded.stop=error").up();
        let asked = run.terminate();
        run.end()
            .expect_code(3)
            .expect_order(&[
                "heavy.drop ok",
                "threaded.stop",
                "threaded.emergency",
                "threaded.emergency ok",
                "writer ok",
            ])
            .expect_gone(asked, Duration::from_secs(2));
    }
}
