//! Kinds of resources, and which of them are started.

use lifecycle_tests::harness::End;
use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::{flavors, program};

#[test]
fn functions_run_on_threads_with_the_runtime_entered() {
    for flavor in flavors!("odds") {
        let end = flavor().stop();
        end.expect_code(0).expect_order(&[
            "threaded.start entered",
            "threaded.start ok",
            "threaded.stop entered",
            "threaded.stop ok",
        ]);
    }
}

#[test]
fn functions_that_fail_or_panic_or_hang_are_treated_like_futures() {
    for flavor in flavors!("odds") {
        for (fault, limit, error) in [
            ("error", "2s", "is broken"),
            ("panic", "2s", "threaded.stop panics"),
            ("hang", "200ms", "on its thread"),
        ] {
            let program = flavor()
                .with(&format!("threaded.stop={fault}"))
                .env("LIFECYCLE_TIMEOUT_THREADED", limit);
            let end = program.stop();
            end.expect_code(3).expect_names("emergency", "threaded");
            let (layer, note) = end.row("threaded");
            assert!(layer == "emergency" && note.contains(error), "{end}");
        }
        flavor()
            .with("threaded.start=panic")
            .run()
            .expect_code(1)
            .expect_line(&["`threaded`", "threaded.start panics"]);
    }
}

#[test]
fn the_destructor_runs_off_the_runtime_after_stop_and_before_dependencies_stop() {
    for flavor in flavors!("odds") {
        let end = flavor().stop();
        end.expect_code(0).expect_order(&[
            "heavy.stop ok",
            "heavy.drop entered",
            "heavy.drop ok",
            "threaded.stop",
        ]);
    }
}

#[test]
fn a_destructor_that_hangs_is_abandoned() {
    for flavor in flavors!("odds") {
        unless_late(|| {
            let end = flavor()
                .with("heavy.drop=hang")
                .env("LIFECYCLE_TIMEOUT_HEAVY", "300ms")
                .stop();
            end.expect_code(3)
                .expect_order(&["heavy.drop", "threaded.stop", "threaded.stop ok"]);
            end.expect_after(end.at("heavy.drop"), "threaded.stop", 200..700);
            assert!(end.row("heavy").1.contains("destructor"), "{end}");
        });
    }
}

#[test]
fn a_destructor_that_panics_is_reported_and_the_others_stop() {
    for flavor in flavors!("odds") {
        let end = flavor().with("heavy.drop=panic").stop();
        end.expect_code(3)
            .expect_order(&["heavy.drop", "threaded.stop", "threaded.stop ok"]);
        assert!(end.row("heavy").1.contains("heavy.drop panics"), "{end}");
    }
}

#[test]
fn after_orders_without_passing_the_resource() {
    let end = program!("odds")
        .with("heavy.start=slow:50 follower.stop=slow:50")
        .stop();
    end.expect_code(0).expect_order(&[
        "heavy.start ok",
        "follower.start",
        "follower.stop ok",
        "heavy.stop",
    ]);
}

#[test]
fn unneeded_resources_start_unless_the_app_says_otherwise() {
    program!("odds")
        .stop()
        .expect_code(0)
        .expect_order(&["outsider.start", "outsider.stop"]);
    program!("odds_unregistered")
        .stop()
        .expect_code(0)
        .expect_none("outsider.start")
        .expect_order(&[
            "heavy.start",
            "follower.start",
            "follower.stop",
            "heavy.stop",
        ]);
}

#[test]
fn a_resource_is_found_by_the_trait_that_it_is_bound_as() {
    let end = program!("odds").stop();
    end.expect_code(0).expect_order(&[
        "english.start ok",
        "doorman.start",
        "main says hello",
        "hello",
        "doorman.stop",
        "english.stop",
    ]);
}

#[test]
fn a_provided_value_replaces_the_start_of_its_type() {
    let end = program!("odds_unregistered").with("greeter=french").stop();
    end.expect_code(0)
        .expect_order(&[
            "doorman.start",
            "main says bonjour",
            "bonjour",
            "doorman.stop",
        ])
        .expect_none("english.start")
        .expect_none("english.stop");
}

#[test]
fn a_disabled_component_is_not_started() {
    let end = program!("odds").with("disable=outsider").stop();
    end.expect_code(0)
        .expect_none("outsider.start")
        .expect_none("outsider.stop");
}

#[test]
fn disabling_a_needed_or_unknown_component_is_refused_with_a_remedy() {
    let end = program!("chain").with("disable=d").run();
    end.expect_code(2)
        .expect_names("start", "")
        .expect_line(&["`e` needs `d`", "disabled"]);
    let end = program!("odds").with("disable=outsidr").run();
    end.expect_code(2)
        .expect_names("start", "")
        .expect_line(&["outsidr", "`outsider`"]);
}

#[test]
fn independent_starts_and_stops_overlap() {
    // Each takes much longer than it takes to begin all of them.
    let slow = "heavy.start=slow:600 english.start=slow:600 outsider.start=slow:600 \
                follower.stop=slow:600 doorman.stop=slow:600 outsider.stop=slow:600";
    let all_begin_before_one_ends = |end: &End, hooks: [&str; 3]| {
        let last = hooks.map(|hook| end.at(hook)).into_iter().max();
        let first = hooks.map(|hook| end.at(&format!("{hook} ok")));
        assert!(last < first.into_iter().min(), "{hooks:?}\n{end}");
    };
    unless_late(|| {
        let end = program!("odds_current_thread").with(slow).stop();
        end.expect_code(0);
        let starts = ["heavy.start", "english.start", "outsider.start"];
        all_begin_before_one_ends(&end, starts);
        let stops = ["follower.stop", "doorman.stop", "outsider.stop"];
        all_begin_before_one_ends(&end, stops);
    });
}
