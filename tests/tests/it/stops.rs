//! A `stop` that goes wrong, in each way, on both flavors of the runtime: one resource of five, in the middle.

use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program};
use lifecycle_tests::program;

const LIMIT: Duration = Duration::from_millis(2500);

/// Stops the chain with a fault in `c.stop`, within `LIMIT`, of which 500 ms are the reserve.
fn stop_with(program: Program, fault: &str) -> End {
    program
        .with(fault)
        .limits("2500ms", "500ms")
        .stop_within(LIMIT)
}

fn multi_thread() -> Program {
    program!("chain")
}

fn current_thread() -> Program {
    program!("chain_current_thread")
}

/// Only `c` went wrong: all others stopped in reverse, and `c` ran its emergency hook before `b` stopped.
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

/// With one thread `c` never returns it: the resources below cannot stop, and run their emergency hooks, too, after
/// that of `c` and in the order of stops.
fn expect_c_and_what_is_below(fault: &str) {
    unless_late(|| {
        let end = stop_with(current_thread(), fault);
        end.expect_code(3)
            .expect_names("stop", "e d c")
            .expect_names("stop ok", "e d")
            .expect_names("emergency", "c b a")
            .expect_names("emergency ok", "c b a");
        for (component, layer, error) in [
            ("e", "safe", ""),
            ("d", "safe", ""),
            ("c", "emergency", "its stop did not end within"),
            ("b", "emergency", "its stop"),
            ("a", "emergency", "stop"),
        ] {
            let row = end.row(component);
            assert_eq!(row.0, layer, "{component}\n{end}");
            assert!(
                row.1.contains(error) && row.1.is_empty() == error.is_empty(),
                "`{component}`: the report does not say `{error}`\n{end}"
            );
        }
    });
}

#[test]
fn a7_an_immediate_error_of_a_stop_returns_its_time() {
    for flavor in [multi_thread, current_thread] {
        unless_late(|| {
            // Also a component with a timeout of its own.
            let end = stop_with(flavor().env("LIFECYCLE_TIMEOUT_C", "1s"), "c.stop=error");
            expect_only_c(&end, "c.stop is broken");
            end.expect_after(end.at("c.stop"), "a.stop", 0..300);
        });
    }
}

#[test]
fn a8_a_stop_that_panics_is_reported_with_its_payload_and_the_others_run() {
    for flavor in [multi_thread, current_thread] {
        unless_late(|| {
            let end = stop_with(flavor(), "c.stop=panic");
            expect_only_c(&end, "panicked: c.stop panics");
            end.expect_after(end.at("c.stop"), "a.stop", 0..300);
        });
    }
}

#[test]
fn a_stop_that_never_completes_is_cancelled_after_its_share() {
    for flavor in [multi_thread, current_thread] {
        unless_late(|| {
            let end = stop_with(flavor(), "c.stop=hang");
            expect_only_c(&end, "did not end within");
            end.expect_once("c.stop dropped");
            // Two seconds before the reserve, shared by `c`, `b` and `a`.
            end.expect_after(end.at("c.stop"), "c.emergency", 550..900);
        });
    }
}

/// With two threads `c` is abandoned after its share, and all others stop.
fn expect_c_abandoned_at_its_share(fault: &str) {
    unless_late(|| {
        let end = stop_with(multi_thread(), fault);
        expect_only_c(&end, "did not end within");
        end.expect_after(end.at("c.stop"), "c.emergency", 550..900);
    });
}

#[test]
fn a1_a_stop_that_blocks_its_thread_on_a_current_thread_runtime() {
    expect_c_and_what_is_below("c.stop=block");
}

#[test]
fn a2_a_stop_that_blocks_its_thread_on_a_multi_thread_runtime() {
    expect_c_abandoned_at_its_share("c.stop=block");
}

#[test]
fn a3_a_stop_that_spins_without_an_await_point() {
    expect_c_and_what_is_below("c.stop=spin");
    expect_c_abandoned_at_its_share("c.stop=spin");
}

#[test]
fn a6_a_stop_that_deadlocks_on_a_mutex_it_holds() {
    expect_c_and_what_is_below("lock=c.stop");
    expect_c_abandoned_at_its_share("lock=c.stop");
}

#[test]
fn a6_an_emergency_hook_that_deadlocks_is_abandoned_and_the_others_run() {
    unless_late(|| {
        let end = stop_with(multi_thread(), "lock=c.stop,c.emergency");
        end.expect_code(3)
            .expect_names("stop ok", "e d b a")
            .expect_names("emergency", "c")
            .expect_names("emergency ok", "");
        let note = end.row("c").1;
        assert!(
            note.contains("its stop did not end within")
                && note.contains("its emergency hook did not end in its share"),
            "{end}"
        );
    });
}

#[test]
fn every_faulty_stop_is_reported() {
    unless_late(|| {
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
    });
}

#[test]
fn a19_hanging_stops_without_a_timeout_take_only_their_shares() {
    let stops = ["e", "d", "c", "b", "a"];
    for flavor in [multi_thread, current_thread] {
        for hang in [1, 2, 4] {
            unless_late(|| {
                let (hanging, others) = stops.split_at(hang);
                let mut program = flavor().limits("3s", "500ms");
                for name in hanging {
                    program = program.with(&format!("{name}.stop=hang"));
                }
                for name in others {
                    program = program.with(&format!("{name}.stop=slow:200"));
                }
                let mut run = program.up();
                let asked = run.terminate();
                let end = run.end();
                end.expect_code(3)
                    .expect_gone(asked, Duration::from_secs(3))
                    .expect_names("stop", &stops.join(" "))
                    .expect_names("stop ok", &others.join(" "))
                    .expect_names("emergency ok", &hanging.join(" "));
                for name in others {
                    assert_eq!(end.row(name), ("safe".to_owned(), String::new()), "{end}");
                }
                for name in hanging {
                    assert!(end.row(name).1.contains("did not end within"), "{end}");
                    // A fifth of the 2.5 s before the reserve.
                    let (stop, emergency) = (format!("{name}.stop"), format!("{name}.emergency"));
                    end.expect_after(end.at(&stop), &emergency, 400..700);
                }
            });
        }
    }
}

#[test]
fn a19_explicit_timeouts_are_not_shared() {
    unless_late(|| {
        // `c` has 1 s of the 2.5 s before the reserve; the other four each have a quarter of what remains.
        let mut run = multi_thread()
            .with("e.stop=hang d.stop=hang c.stop=slow:800 b.stop=hang a.stop=slow:200")
            .env("LIFECYCLE_TIMEOUT_C", "1s")
            .limits("3s", "500ms")
            .up();
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(3)
            .expect_gone(asked, Duration::from_secs(3))
            .expect_names("stop ok", "c a")
            .expect_names("emergency ok", "e d b");
        end.expect_after(end.at("e.stop"), "e.emergency", 275..575);
    });
}

#[test]
fn an_unused_share_is_passed_on() {
    // Each would have a fifth of 2 s if unused time were not passed on; the last one takes more than two fifths.
    let end = stop_with(multi_thread(), "a.stop=slow:900");
    end.expect_code(0).expect_names("stop ok", "e d c b a");
}

#[test]
fn a4_a_stop_that_never_completes_is_cancelled_at_its_timeout() {
    for flavor in [multi_thread, current_thread] {
        unless_late(|| {
            let program = flavor().env("LIFECYCLE_TIMEOUT_C", "200ms");
            let end = stop_with(program, "c.stop=hang");
            expect_only_c(&end, "its stop did not end within");
            end.expect_once("c.stop dropped")
                .expect_order(&["c.emergency", "c.emergency ok"]);
            end.expect_after(end.at("c.stop"), "c.emergency", 190..450);
        });
    }
}

#[test]
fn a_stack_overflow_of_an_abandoned_stop_delays_nothing() {
    let mut run = program!("chain_current_thread")
        .with("a.stop=block:250,overflow")
        .env("LIFECYCLE_TIMEOUT_A", "200ms")
        .up();
    run.terminate();
    let end = run.end();
    // On a busy machine the overflow may come first.
    if end.code != Some(3) {
        end.expect_abort();
    }
    end.expect_names("stop ok", "e d c b")
        .expect_names("emergency ok", "a")
        .expect_gone(end.at("a.emergency ok"), Duration::from_secs(1));
}
