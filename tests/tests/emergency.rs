//! The third layer, and the deadline that holds whatever user code does.

use std::collections::BTreeSet;
use std::thread::scope;
use std::time::Duration;

use lifecycle_tests::canary::unless_late;
use lifecycle_tests::evidence::now;
use lifecycle_tests::program;
use lifecycle_tests::random::Random;
use lifecycle_tests::run::{End, Program, Signal};

/// Stops the program by the deadline of 2 s, of which one is the reserve.
fn run_into_the_deadline(program: Program) -> End {
    let mut run = program.limits("2s", "1s").start();
    run.until("main");
    let told = run.terminate();
    let end = run.end();
    end.expect_gone(told, Duration::from_secs(2));
    end
}

/// Forces the end of the program by a second signal.
fn force(program: Program) -> (End, Duration) {
    let mut run = program.start();
    run.until("main");
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
    // The last two workers keep the two threads of the runtime, and main's body the thread that all began on.
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
        let told = run.terminate();
        run.until_stderr("SIGTERM");
        let seen = now();
        let end = run.end();
        end.expect_code(3)
            .expect_took("the signal was seen", told, seen, 0..500)
            .expect_gone(told, Duration::from_secs(3))
            .expect_names("emergency ok", "owner base");
    }
    for mut run in cases() {
        run.terminate();
        let forced = run.another(Signal::TERM);
        run.end()
            .expect_code(143)
            .expect_gone(forced, Duration::from_millis(250))
            .expect_names("emergency ok", "owner base");
    }
}

#[test]
fn a12_an_emergency_hook_that_hangs_or_panics_lets_the_others_run() {
    let flavours = [|| program!("chain"), || program!("chain_current_thread")];
    for (fault, reported) in [
        ("hang", "its emergency hook did not end in its share"),
        ("spin", "its emergency hook did not end in its share"),
        ("panic", "its emergency hook panicked: d.emergency panics"),
    ] {
        for flavour in flavours {
            let faulty = || flavour().with(&format!("e.stop=block d.emergency={fault}"));
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
            // All are left when the reserve begins: `e` takes all the time that there is.
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
        .start();
    run.until("main");
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
fn a_hook_that_hangs_is_given_up_and_the_rest_is_stopped() {
    unless_late(|| {
        let mut run = program!("chain")
            .with("c.stop=error c.emergency=hang")
            .limits("5s", "1s")
            .start();
        run.until("main");
        let told = run.terminate();
        let end = run.end();
        end.expect_code(3)
            .expect_names("stop ok", "e d b a")
            .expect_gone(told, Duration::from_secs(5));
        // Its share of the reserve, which b and a may still need.
        end.expect_after(end.at("c.emergency"), "b.stop", 250..700);
    });
}

/// All twenty are called, those of these places in the order of the stops hang: in the end by force, and where each is
/// due by itself, all at once.
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
    let mut run = program("error").start();
    run.until("main");
    let told = run.terminate();
    let end = run.end();
    check(end.expect_code(3));
    end.expect_gone(told, Duration::from_millis(3250));
}

#[test]
fn sixteen_of_twenty_hooks_hang_and_the_other_four_run_wherever_they_stand() {
    let mut random = Random::new();
    let mut anywhere: BTreeSet<usize> = (0..20).collect();
    while anywhere.len() > 16 {
        anywhere.remove(&random.index(20));
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
fn twenty_hooks_in_which_all_is_well_take_no_time() {
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
fn a_main_that_blocks_its_thread_keeps_nothing_from_stopping_where_there_are_others() {
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
    // On a current-thread runtime that panics instead.
    for program in [program!("chain"), program!("chain_current_thread")] {
        let end = run_into_the_deadline(program.with("c.stop=bridge"));
        end.expect_code(3)
            .expect_names("emergency ok", "c")
            .expect_names("stop ok", "e d b a");
        assert_eq!(end.row("c").0, "emergency", "{end}");
    }
    let end = run_into_the_deadline(program!("chain").with("main=told,bridge"));
    end.expect_code(3)
        .expect_names("stop ok", "e d c b a")
        .expect_line(&["main", "timeout", "did not end within"]);
    // A destructor, which has the runtime entered, but no thread of it.
    for program in [program!("odds"), program!("odds_current_thread")] {
        let end = run_into_the_deadline(program.with("heavy.drop=bridge"));
        end.expect_code(3)
            .expect_order(&["heavy.drop", "threaded.stop", "threaded.stop ok"]);
        let note = end.row("heavy").1;
        assert!(note.contains("its destructor did not end within"), "{end}");
    }
    // One that runs when the runtime is dropped.
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
fn a13_a_blocking_task_that_never_ends_is_left_behind_with_the_runtime() {
    for program in [program!("chain"), program!("chain_current_thread")] {
        let mut run = program.with("main=leave:3,told").start();
        run.until("main");
        let told = run.terminate();
        run.end()
            .expect_code(0)
            .expect_names("stop ok", "e d c b a")
            .expect_names("emergency", "")
            .expect_line(&["the runtime was abandoned"])
            .expect_gone(told, Duration::from_millis(850));
    }
}

#[test]
fn a_runtime_that_ends_is_not_reported() {
    for flavour in [|| program!("chain"), || program!("chain_current_thread")] {
        unless_late(|| {
            let end = run_into_the_deadline(flavour().with("c.stop=error"));
            end.expect_code(3);
            assert!(!end.has_line(&["left behind"]), "{end}");
        });
    }
}

#[test]
fn a15_no_hook_relies_on_the_blocking_pool_of_the_runtime() {
    // More than the pool takes: what would be queued there never runs, and is dropped with the runtime.
    let arguments = "main=leave:600,told writer=slow:50";
    for program in [program!("odds"), program!("odds_current_thread")] {
        let mut run = program.with(arguments).start();
        run.until("main");
        let told = run.terminate();
        run.end()
            .expect_code(0)
            .expect_order(&[
                "main told",
                "heavy.stop ok",
                "heavy.drop entered",
                "heavy.drop ok",
                "threaded.stop entered",
                "threaded.stop ok",
                "writer",
                "writer ok",
            ])
            .expect_names("emergency", "")
            .expect_gone(told, Duration::from_secs(2));
    }
    // Nor do the emergency hooks, and a writer after them.
    for program in [program!("odds"), program!("odds_current_thread")] {
        let mut run = program.with(arguments).with("threaded.stop=error").start();
        run.until("main");
        let told = run.terminate();
        run.end()
            .expect_code(3)
            .expect_order(&[
                "heavy.drop ok",
                "threaded.stop",
                "threaded.emergency",
                "threaded.emergency ok",
                "writer ok",
            ])
            .expect_gone(told, Duration::from_secs(2));
    }
}
