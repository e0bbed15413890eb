//! The variables that set limits: mistakes in them, and what they override.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use lifecycle_tests::harness::End;
use lifecycle_tests::program;

fn expect_refused(end: &End) -> &End {
    end.expect_code(2)
        .expect_names("start", "")
        .expect_names("stop", "")
        .expect_none("main")
}

/// The variables with a duration.
const TIMES: [&str; 8] = [
    "LIFECYCLE_SHUTDOWN_TIMEOUT",
    "LIFECYCLE_DRAIN_TIMEOUT",
    "LIFECYCLE_LAME_DUCK",
    "LIFECYCLE_EMERGENCY_TIMEOUT",
    "LIFECYCLE_START_TIMEOUT",
    "LIFECYCLE_STARTUP_TIMEOUT",
    "LIFECYCLE_TIMEOUT_C",
    "LIFECYCLE_START_TIMEOUT_C",
];

#[test]
fn a_value_that_does_not_parse_exits_with_2_before_any_start() {
    for variable in TIMES {
        let end = program!("chain").env(variable, "banana").run();
        expect_refused(&end).expect_line(&["error", variable, "banana", "expected", "5s"]);
    }
}

#[test]
fn d6_invalid_durations_are_refused() {
    let values: [&[u8]; 9] = [
        b"-5s",
        b"-1",
        b"",
        b"NaN",
        b"inf",
        b"1e300",
        b"99999999999999999999999",
        b"366d",
        b"\xff5s",
    ];
    for variable in TIMES {
        for value in values.map(OsStr::from_bytes) {
            let end = program!("chain").env(variable, value).run();
            let shown = format!("{variable}={value:?}");
            expect_refused(&end).expect_line(&[&shown, "expected", "5s"]);
            assert!(!end.stderr.contains("panicked"), "{end}");
        }
    }
}

#[test]
fn d6_a_zero_duration_is_refused_where_it_makes_no_sense() {
    for variable in TIMES {
        let end = program!("chain").with("main=ok").env(variable, "0").run();
        if ["DRAIN_TIMEOUT", "LAME_DUCK", "EMERGENCY_TIMEOUT"]
            .iter()
            .any(|name| variable.ends_with(name))
        {
            end.expect_code(0);
        } else {
            expect_refused(&end).expect_line(&[variable, "more than zero"]);
        }
    }
}

#[test]
fn d6_a_variable_whose_name_is_not_unicode_is_a_warning() {
    let name = OsStr::from_bytes(b"LIFECYCLE_TIMEOUT_\xff");
    let end = program!("chain").with("main=ok").env(name, "5s").run();
    end.expect_code(0)
        .expect_line(&["warning", "LIFECYCLE_TIMEOUT_"]);
}

#[test]
fn d6_a_year_is_accepted() {
    let program = TIMES
        .into_iter()
        .filter(|name| !name.ends_with("LAME_DUCK"));
    let mut run = program
        .fold(program!("chain"), |program, name| program.env(name, "365d"))
        .env("LIFECYCLE_EMERGENCY_TIMEOUT", "364d")
        .up();
    run.terminate();
    run.end().expect_code(0).expect_names("stop", "e d c b a");
}

#[test]
fn two_mistakes_give_two_messages() {
    let end = program!("chain")
        .env("LIFECYCLE_SHUTDOWN_TIMEOUT", "banana")
        .env("LIFECYCLE_CONSOLE", "loud")
        .run();
    expect_refused(&end)
        .expect_line(&["LIFECYCLE_SHUTDOWN_TIMEOUT", "banana"])
        .expect_line(&["LIFECYCLE_CONSOLE", "loud", "auto", "on", "off"]);
}

#[test]
fn a_reserve_and_lame_duck_that_use_up_the_timeout_are_refused() {
    let end = program!("chain")
        .limits("5s", "2s")
        .env("LIFECYCLE_LAME_DUCK", "3s")
        .run();
    expect_refused(&end).expect_line(&[
        "LIFECYCLE_SHUTDOWN_TIMEOUT=\"5s\"",
        "LIFECYCLE_LAME_DUCK=\"3s\"",
        "LIFECYCLE_EMERGENCY_TIMEOUT=\"2s\"",
        "together they must be shorter",
    ]);
}

#[test]
fn a_variable_for_an_unknown_component_is_a_warning_with_the_nearest_name() {
    for (variable, meant) in [
        ("LIFECYCLE_TIMEOUT_FLAKEY", "LIFECYCLE_TIMEOUT_FLAKY"),
        (
            "LIFECYCLE_START_TIMEOUT_BSE",
            "LIFECYCLE_START_TIMEOUT_BASE",
        ),
        ("LIFECYCLE_SHUTDWN_TIMEOUT", "LIFECYCLE_SHUTDOWN_TIMEOUT"),
    ] {
        let end = program!("retries")
            .with("main=ok")
            .env(variable, "5s")
            .run();
        end.expect_code(0)
            .expect_line(&["warning", variable, meant])
            .expect_names("stop", "flaky base");
    }
}

#[test]
fn strict_makes_a_warning_fatal() {
    let program = program!("retries")
        .with("main=ok")
        .env("LIFECYCLE_TIMEOUT_FLAKEY", "5s");
    let end = program.env("LIFECYCLE_STRICT", "1").run();
    expect_refused(&end).expect_line(&["LIFECYCLE_TIMEOUT_FLAKEY", "LIFECYCLE_TIMEOUT_FLAKY"]);
}

#[test]
fn strict_alone_changes_nothing() {
    program!("retries")
        .with("main=ok")
        .env("LIFECYCLE_STRICT", "1")
        .run()
        .expect_code(0);
}

#[test]
fn a_budget_exceeded_by_the_environment_is_a_warning() {
    let end = program!("chain")
        .with("main=ok")
        .env("LIFECYCLE_TIMEOUT_C", "60s")
        .run();
    end.expect_code(0)
        .expect_line(&["warning", "c", "1m", "10s"]);
    let end = program!("chain")
        .with("main=ok")
        .env("LIFECYCLE_TIMEOUT_C", "60s")
        .env("LIFECYCLE_STRICT", "1")
        .run();
    expect_refused(&end);
}

#[test]
fn the_environment_overrides_attributes_and_code() {
    // The attribute says 10 s; with the argument, the code says 20 s.
    for arguments in ["c.stop=hang", "c.stop=hang settings=20000"] {
        let mut run = program!("chain")
            .with(arguments)
            .limits("1200ms", "200ms")
            .up();
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(3)
            .expect_gone(asked, Duration::from_millis(1200))
            .expect_names("stop ok", "e d b a");
    }
}

#[test]
fn the_code_overrides_attributes() {
    let mut run = program!("chain").with("e.stop=hang settings=2000").up();
    let asked = run.terminate();
    run.end()
        .expect_code(3)
        .expect_gone(asked, Duration::from_secs(2))
        .expect_line(&["of 2s"]);
}

#[cfg(not(feature = "drill"))]
#[test]
fn a_drill_without_the_feature_is_a_warning() {
    let program = program!("chain")
        .with("main=ok")
        .env("LIFECYCLE_DRILL", "c.stop=error");
    let end = program.run();
    end.expect_code(0)
        .expect_line(&["warning", "LIFECYCLE_DRILL", "feature `drill`"])
        .expect_names("stop ok", "e d c b a");
}
