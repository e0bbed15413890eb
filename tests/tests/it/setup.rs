//! `init`, and writers that are flushed at the very end.

use std::time::Duration;

use lifecycle_tests::harness::Signal;
use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::program;

#[test]
fn an_init_that_fails_starts_nothing() {
    for (fault, code, message) in [
        ("error", 1, "init is broken"),
        ("panic", 1, "init panics"),
        ("config", 2, "the settings are no good: CUSHIONS=0"),
    ] {
        let end = program!("chain").with(&format!("init={fault}")).run();
        end.expect_code(code)
            .expect_names("start", "")
            .expect_line(&["error", message]);
    }
}

#[test]
fn a_writer_is_flushed_last_and_printed_text_is_flushed() {
    for program in [program!("chain"), program!("chain_current_thread")] {
        let end = program.with("writer=ok main=print:half-a-line").run();
        end.expect_code(0)
            .expect_order(&["a.stop ok", "writer", "writer ok"]);
        assert_eq!(end.stdout, "half-a-line", "{end}");
    }
}

#[test]
fn a_writer_has_the_time_until_the_deadline_after_a_graceful_stop() {
    let end = program!("chain")
        .with("writer=slow:400 main=ok")
        .limits("2s", "500ms")
        .run();
    end.expect_code(0).expect_order(&["writer", "writer ok"]);
    let end = program!("chain")
        .with("writer=hang main=ok")
        .limits("1s", "300ms")
        .run();
    end.expect_code(0)
        .expect_gone(end.at("main"), Duration::from_secs(1));
}

#[test]
fn b12_a_writer_is_bounded_on_a_forced_end() {
    for (fault, ends) in [("ok", 1), ("hang", 0)] {
        unless_late(|| {
            let mut run = program!("chain")
                .with(&format!("e.stop=hang writer={fault}"))
                .up();
            run.terminate();
            let forced = run.another(Signal::TERM);
            let end = run.end();
            end.expect_code(143)
                .expect_gone(forced, Duration::from_millis(750));
            assert_eq!(
                (end.count("writer"), end.count("writer ok")),
                (1, ends),
                "{end}"
            );
        });
    }
}

#[test]
fn a_writer_that_panics_changes_nothing() {
    program!("chain")
        .with("writer=panic main=ok")
        .run()
        .expect_code(0)
        .expect_names("stop", "e d c b a");
}
