//! A `stop` that goes wrong, in each way, on both flavours of runtime: one resource of five, in the middle.

use std::time::Duration;

use lifecycle_tests::program;
use lifecycle_tests::run::{End, Program};

const LIMIT: Duration = Duration::from_millis(2500);

/// Stops the chain with `c.stop` as said, within `LIMIT`, of which 500 ms are the reserve.
fn stop_with(program: Program, fault: &str) -> End {
    let mut run = program.with(fault).limits("2500ms", "500ms").start();
    run.until("main");
    let told = run.terminate();
    let end = run.end();
    end.expect_gone(told, LIMIT);
    end
}

fn multi_thread() -> Program {
    program!("chain")
}

fn current_thread() -> Program {
    program!("chain_current_thread")
}

/// Only `c` went wrong: all others stopped as ever, in reverse, and `c` had its emergency hook before `b` stopped.
fn expect_only_c(end: &End, error: &str) {
    end.expect_code(3)
        .expect_names("stop", "e d c b a")
        .expect_names("stop ok", "e d b a")
        .expect_names("emergency", "c")
        .expect_order(&[
            "d.stop ok",
            "c.stop",
            "c.emergency",
            "c.emergency ok",
            "b.stop",
            "a.stop ok",
        ]);
    let (layer, note) = end.row("c");
    assert_eq!(layer, "emergency", "{end}");
    assert!(
        note.contains(error),
        "the report does not say `{error}`\n{end}"
    );
    for other in ["a", "b", "d", "e"] {
        assert_eq!(end.row(other), ("safe".to_owned(), String::new()), "{end}");
    }
    end.expect_line(&["c ", "ms", "emergency", error]);
}

/// The time between two things that happened.
fn between(end: &End, from: &str, to: &str) -> Duration {
    end.at(to).saturating_sub(end.at(from))
}

#[test]
fn a_stop_that_errors_gets_its_emergency_hook_and_gives_its_time_back() {
    for program in [multi_thread(), current_thread()] {
        let end = stop_with(program, "c.stop=error");
        expect_only_c(&end, "c.stop is broken");
        assert!(
            between(&end, "c.stop", "a.stop") < Duration::from_millis(300),
            "{end}"
        );
    }
}

#[test]
fn a_stop_that_panics_gets_its_emergency_hook_and_its_payload_is_reported() {
    for program in [multi_thread(), current_thread()] {
        let end = stop_with(program, "c.stop=panic");
        expect_only_c(&end, "panicked: c.stop panics");
        assert!(
            between(&end, "c.stop", "a.stop") < Duration::from_millis(300),
            "{end}"
        );
    }
}

#[test]
fn a_stop_that_never_completes_is_cut_at_its_share() {
    for program in [multi_thread(), current_thread()] {
        let end = stop_with(program, "c.stop=hang");
        expect_only_c(&end, "did not end within");
        end.expect_once("c.stop dropped");
        // Two seconds before the reserve, for c, b and a.
        let share = between(&end, "c.stop", "c.emergency");
        assert!(
            (550..900).contains(&share.as_millis()),
            "cut after {share:?}\n{end}"
        );
    }
}

#[test]
fn a_stop_that_blocks_its_thread_is_abandoned_at_its_share() {
    for fault in ["c.stop=block", "c.stop=spin"] {
        let end = stop_with(multi_thread(), fault);
        expect_only_c(&end, "did not end within");
        let share = between(&end, "c.stop", "c.emergency");
        assert!(
            (550..900).contains(&share.as_millis()),
            "cut after {share:?}\n{end}"
        );
    }
}

#[test]
fn where_no_runtime_thread_is_left_the_others_get_their_emergency_hooks() {
    for fault in ["c.stop=block", "c.stop=spin"] {
        let end = stop_with(current_thread(), fault);
        end.expect_code(3)
            .expect_names("stop", "e d c")
            .expect_names("emergency", "c b a");
        for (component, layer) in [
            ("e", "safe"),
            ("d", "safe"),
            ("c", "emergency"),
            ("b", "emergency"),
            ("a", "emergency"),
        ] {
            assert_eq!(end.row(component).0, layer, "{component}\n{end}");
        }
        assert!(end.row("c").1.contains("did not end within"), "{end}");
    }
}

#[test]
fn every_stop_that_goes_wrong_is_reported() {
    let end = stop_with(
        multi_thread(),
        "e.stop=error d.stop=panic c.stop=hang b.stop=block a.stop=error",
    );
    end.expect_code(3)
        .expect_names("stop", "e d c b a")
        .expect_names("emergency", "e d c b a");
    for (component, error) in [
        ("e", "e.stop is broken"),
        ("d", "d.stop panics"),
        ("c", "did not end"),
        ("b", "did not end"),
        ("a", "a.stop is broken"),
    ] {
        assert!(end.row(component).1.contains(error), "{component}\n{end}");
    }
}

#[test]
fn a_chain_whose_top_hangs_stops_the_other_four_within_their_shares() {
    for program in [multi_thread(), current_thread()] {
        let mut run = program
            .with("e.stop=hang d.stop=slow:200 c.stop=slow:200 b.stop=slow:200 a.stop=slow:200");
        run = run.limits("3s", "500ms");
        let mut run = run.start();
        run.until("main");
        let told = run.terminate();
        let end = run.end();
        end.expect_code(3)
            .expect_gone(told, Duration::from_secs(3))
            .expect_names("stop ok", "d c b a")
            .expect_names("emergency", "e");
        for component in ["a", "b", "c", "d"] {
            assert_eq!(
                end.row(component),
                ("safe".to_owned(), String::new()),
                "{end}"
            );
        }
        // A fifth of the 2.5 s before the reserve.
        let share = between(&end, "e.stop", "e.emergency");
        assert!(
            (400..700).contains(&share.as_millis()),
            "cut after {share:?}\n{end}"
        );
    }
}

#[test]
fn a_share_that_one_did_not_use_flows_on_to_the_next() {
    // Each would have a fifth of 2 s if nothing flowed on; the last one takes more than two fifths.
    let end = stop_with(multi_thread(), "a.stop=slow:900");
    end.expect_code(0).expect_names("stop ok", "e d c b a");
}

#[test]
fn an_own_timeout_cuts_before_the_share_does() {
    let mut run = multi_thread()
        .with("c.stop=hang")
        .env("LIFECYCLE_TIMEOUT_C", "200ms")
        .start();
    run.until("main");
    run.terminate();
    let end = run.end();
    expect_only_c(&end, "did not end within");
    let time = between(&end, "c.stop", "c.emergency");
    assert!(
        (190..450).contains(&time.as_millis()),
        "cut after {time:?}\n{end}"
    );
}
