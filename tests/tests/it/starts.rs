//! Starts that fail, panic, time out, or are interrupted: what has started is stopped in reverse, and nothing else.

use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Signal};
use lifecycle_tests::{flavors, program};

const STEPS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Starts the chain with a fault at each step in turn: the resources before it stop in reverse, and nothing else
/// happens; the first error on standard error is that of the start.
fn expect_rollback_at_each_step(fault: &str, error: impl Fn(&str) -> String) {
    for flavor in flavors!("chain") {
        for (k, name) in STEPS.iter().enumerate() {
            let program = flavor().with(&format!("{name}.start={fault}"));
            let variable = format!("LIFECYCLE_START_TIMEOUT_{}", name.to_uppercase());
            // Only a start that is to time out has a short timeout.
            let limit = if fault == "hang" { "200ms" } else { "2s" };
            let end = program.env(&variable, limit).run();
            let started = STEPS[..k].to_vec();
            let reversed: Vec<&str> = started.iter().rev().copied().collect();
            end.expect_code(1)
                .expect_names("start ok", &started.join(" "))
                .expect_names("stop", &reversed.join(" "))
                .expect_names("stop ok", &reversed.join(" "))
                .expect_names("emergency", "")
                .expect_none("main");
            expect_first_error(&end, name, &error(name));
        }
    }
}

/// The first line of standard error that the panic hook did not write names the component and its error.
#[track_caller]
fn expect_first_error(end: &End, component: &str, error: &str) {
    let of_the_panic = |line: &&str| {
        line.is_empty()
            || line.starts_with("thread '")
            || line.starts_with("note:")
            || *line == error.trim_start_matches("panicked: ")
    };
    let line = end
        .stderr
        .lines()
        .find(|line| !of_the_panic(line))
        .unwrap_or_default();
    let names =
        line.contains(&format!("`{component}`")) || line.contains(&format!(" {component}:"));
    assert!(
        names && line.contains(error),
        "the first error is `{line}`, not that of `{component}`: {error}\n{end}"
    );
}

#[test]
fn a10_a_start_that_fails_at_step_k_stops_the_k_minus_1_started_resources_in_reverse() {
    expect_rollback_at_each_step("error", |name| format!("{name}.start is broken"));
}

#[test]
fn a10_a_start_that_panics_at_step_k_does_the_same() {
    expect_rollback_at_each_step("panic", |name| format!("panicked: {name}.start panics"));
}

#[test]
fn a10_a_start_that_hangs_at_step_k_does_the_same() {
    expect_rollback_at_each_step("hang", |_| "within 200ms".to_owned());
}

#[test]
fn a10_a_start_that_blocks_one_of_two_threads_at_step_k_does_the_same() {
    for (flavor, has_others) in [(flavors!("chain")[0], true), (flavors!("chain")[1], false)] {
        for (k, name) in STEPS.iter().enumerate() {
            let program = flavor().with(&format!("{name}.start=block"));
            let variable = format!("LIFECYCLE_START_TIMEOUT_{}", name.to_uppercase());
            let end = program.env(&variable, "200ms").limits("1s", "500ms").run();
            let reversed: Vec<&str> = STEPS[..k].iter().rev().copied().collect();
            let reversed = reversed.join(" ");
            let (stops, emergencies) = if has_others {
                (&*reversed, "")
            } else {
                ("", &*reversed)
            };
            end.expect_code(1)
                .expect_names("start ok", &STEPS[..k].join(" "))
                .expect_names("stop ok", stops)
                .expect_names("emergency ok", emergencies)
                .expect_none("main")
                .expect_gone(
                    end.at(&format!("{name}.start")),
                    Duration::from_millis(1250),
                );
            expect_first_error(&end, name, "within 200ms");
        }
    }
}

#[test]
fn a10_a_faulty_start_on_a_thread_stops_exactly_the_started_resources() {
    for (fault, limit, error) in [
        ("error", "2s", "thread.start is broken"),
        ("panic", "2s", "panicked: thread.start panics"),
        ("hang", "300ms", "within 300ms"),
    ] {
        unless_late(|| {
            let end = program!("starts")
                .with(&format!("waiting.start=ok thread.start=slow:100,{fault}"))
                .env("LIFECYCLE_START_TIMEOUT_THREAD", limit)
                .run();
            end.expect_code(1)
                .expect_names("emergency", "")
                .expect_none("main");
            let sorted = |hook| {
                let mut names = end.names(hook);
                names.sort_unstable();
                names
            };
            assert_eq!(
                sorted("start ok"),
                ["base", "failing", "plain", "waiting"],
                "{end}"
            );
            // One of them has no stop.
            assert_eq!(sorted("stop ok"), ["base", "plain", "waiting"], "{end}");
            assert_eq!(end.names("stop").last(), Some(&"base"), "{end}");
            expect_first_error(&end, "thread", error);
        });
    }
}

#[test]
fn a_failing_rollback_does_not_hide_the_root_error() {
    let end = program!("chain").with("d.start=error b.stop=error").run();
    end.expect_code(1)
        .expect_names("stop", "c b a")
        .expect_names("emergency", "b");
    let root = end
        .stderr
        .find("d.start is broken")
        .expect("the root error is there");
    let later = end
        .stderr
        .find("b.stop is broken")
        .expect("the other one, too");
    assert!(root < later, "the root error does not come first\n{end}");
}

#[test]
fn the_error_names_the_cause_chain_the_time_and_the_rollback() {
    let end = program!("chain").with("c.start=slow:50,disconnect").run();
    end.expect_code(1)
        .expect_line(&["`c`", "the line went dead: connection reset", "(after "]);
    assert_eq!(end.row("b").0, "safe", "{end}");
}

#[test]
fn a_configuration_error_of_a_start_exits_with_2() {
    for flavor in flavors!("chain") {
        let end = flavor().with("c.start=config").run();
        end.expect_code(2)
            .expect_names("stop", "b a")
            .expect_line(&["`c`", "the settings are no good: CUSHIONS=0"]);
    }
}

#[test]
fn a_start_is_retried_and_the_error_names_the_attempt() {
    unless_late(|| {
        let end = program!("retries").with("flaky.start=error").run();
        end.expect_code(1)
            .expect_names("start", "base flaky flaky flaky flaky")
            .expect_names("stop", "base");
        end.expect_line(&["`flaky`", "flaky.start is broken", "attempt 4"]);
        // 100, 200 and 400 ms, each between half of it and all of it.
        let starts: Vec<Duration> = end
            .evidence
            .iter()
            .filter(|line| line.what == "flaky.start")
            .map(|line| line.at)
            .collect();
        for (pause, most) in starts.windows(2).zip([100, 200, 400]) {
            end.expect_took("again", pause[0], pause[1], most / 2..most + 300);
        }
    });
}

#[test]
fn a_retried_start_is_announced_once() {
    let program = program!("retries").with("flaky.start=error");
    let end = program.env("LOG", "debug").run();
    let begins = |line: &&str| line.contains("starting") && line.contains("component=\"flaky\"");
    assert_eq!(end.stderr.lines().filter(begins).count(), 1, "{end}");
}

#[test]
fn a_start_can_succeed_at_the_last_attempt() {
    let mut run = program!("retries").with("failures=2").up();
    run.terminate();
    run.end()
        .expect_code(0)
        .expect_names("start", "base flaky flaky flaky")
        .expect_names("stop", "flaky base");
}

#[test]
fn a_configuration_error_is_not_retried() {
    program!("retries")
        .with("flaky.start=config")
        .run()
        .expect_code(2)
        .expect_names("start", "base flaky");
}

/// Sends SIGTERM while starts of all kinds are under way.
fn interrupt(arguments: &str) -> (End, Duration) {
    let mut run = program!("starts").with(arguments).start();
    for name in [
        "plain.start",
        "waiting.start",
        "thread.start",
        "failing.start ok",
    ] {
        run.until(name);
    }
    let at = run.signal(Signal::TERM);
    (run.end(), at)
}

#[test]
fn starts_under_way_are_asked_dropped_or_awaited_and_completed_ones_stop() {
    unless_late(|| {
        let (end, at) =
            interrupt("plain.start=hang waiting.start=asked,slow:100 thread.start=block:700");
        end.expect_code(0)
            .expect_order(&[
                "plain.start dropped",
                "waiting.start ok",
                "thread.start ok",
                "base.stop",
            ])
            .expect_order(&["waiting.start asked", "waiting.start ok", "waiting.stop"])
            .expect_order(&["thread.start ok", "thread.stop"])
            .expect_none("plain.stop")
            .expect_names("emergency", "");
        assert_eq!(end.names("stop").last(), Some(&"base"), "{end}");
        for what in ["plain.start dropped", "waiting.start asked"] {
            end.expect_after(at, what, 0..300);
        }
    });
}

#[test]
fn starts_that_exceed_the_drain_are_cancelled_without_hooks() {
    unless_late(|| {
        let (end, at) = interrupt("plain.start=hang waiting.start=asked,hang thread.start=hang");
        end.expect_code(3)
            .expect_order(&["plain.start dropped", "base.stop"])
            .expect_once("waiting.start dropped")
            .expect_none("thread.start ok")
            .expect_names("stop", "base")
            .expect_names("emergency", "");
        end.expect_after(at, "base.stop", 950..1600);
        end.expect_line(&["thread", "abandoned"])
            .expect_line(&["waiting", "cancelled"]);
    });
}

#[test]
fn a_start_that_gives_up_after_the_stop_request_is_no_failure() {
    let (end, _) = interrupt("plain.start=hang waiting.start=asked,disconnect");
    end.expect_code(0).expect_none("waiting.stop");
}

#[test]
fn only_real_failures_of_interrupted_starts_are_reported() {
    let (end, _) =
        interrupt("plain.start=hang waiting.start=asked,error thread.start=block:400,error");
    end.expect_code(1).expect_line(&["thread: start failed"]);
    for name in ["plain", "waiting"] {
        let line = format!("{name}: start failed");
        assert!(!end.has_line(&[&line]), "{end}");
    }
}

#[test]
fn a_failing_start_treats_those_under_way_in_the_same_way() {
    unless_late(|| {
        let arguments = "plain.start=hang waiting.start=asked,slow:50 thread.start=block:1000 \
                         failing.start=slow:300,error";
        let end = program!("starts").with(arguments).run();
        end.expect_code(1)
            .expect_order(&[
                "failing.start error",
                "plain.start dropped",
                "waiting.start ok",
                "thread.start ok",
                "base.stop",
            ])
            .expect_names("emergency", "");
        let mut stopped = end.names("stop");
        stopped.sort_unstable();
        assert_eq!(stopped, ["base", "thread", "waiting"], "{end}");
        expect_first_error(&end, "failing", "failing.start is broken");
    });
}

#[test]
fn the_whole_startup_has_a_limit() {
    let end = program!("chain")
        .with("c.start=hang")
        .env("LIFECYCLE_STARTUP_TIMEOUT", "1s")
        .run();
    end.expect_code(1)
        .expect_names("stop", "b a")
        .expect_line(&["startup_timeout", "`c`"]);
}
