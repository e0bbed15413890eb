//! SIGHUP: it reloads what can be reloaded, stops an app that has nothing to reload, and is ignored where the parent
//! ignored it.
//!
//! The programs are detached from the terminal that the tests may run in, where SIGHUP would mean to stop.

use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{Program, Signal};
use lifecycle_tests::program;

const DETACHED: &str = env!("CARGO_BIN_EXE_detached");

fn reloads() -> Program {
    program!("reloads").launched_by(DETACHED)
}

fn chain() -> Program {
    program!("chain").launched_by(DETACHED)
}

#[test]
fn a_hangup_reloads_in_start_order() {
    let mut run = reloads().up();
    run.signal(Signal::HUP);
    run.until("pool.reload ok");
    run.terminate();
    run.end()
        .expect_code(0)
        .expect_order(&[
            "settings.reload",
            "settings.reload ok",
            "pool.reload",
            "pool.reload ok",
            "main asked",
        ])
        .expect_names("reload", "settings pool");
}

#[test]
fn a_failed_reload_is_reported_and_the_old_state_stays() {
    for (fault, message) in [
        ("error", "settings.reload is broken"),
        ("panic", "settings.reload panics"),
    ] {
        let mut run = reloads().with(&format!("settings.reload={fault}")).up();
        run.signal(Signal::HUP);
        run.until_stderr(message);
        run.until("pool.reload ok");
        run.terminate();
        run.end()
            .expect_code(0)
            .expect_names("stop", "pool settings")
            .expect_line(&["settings", message]);
    }
}

#[test]
fn c9_a_broken_new_configuration_is_logged_and_the_old_one_stays() {
    let file = std::env::temp_dir().join(format!("lifecycle-cushions-{}", std::process::id()));
    let write = |text: &str| std::fs::write(&file, text).expect("it can be written");
    let path = file.display().to_string();
    for log in ["", "error"] {
        write("1");
        let mut program = reloads().with(&format!("file={path}"));
        if !log.is_empty() {
            program = program.env("LOG", log);
        }
        let mut run = program.up();
        write("2");
        run.signal(Signal::HUP);
        run.until("serving 2");
        for (times, broken) in [(2, "many"), (3, "-1")] {
            write(broken);
            run.signal(Signal::HUP);
            run.until_stderr(&format!("cushions = {broken}: allowed is a number"));
            run.until_times("serving 2", times);
        }
        std::fs::remove_file(&file).expect("it is there");
        run.signal(Signal::HUP);
        run.until_stderr("No such file");
        run.until_times("serving 2", 4);
        write("3");
        run.signal(Signal::HUP);
        run.until("serving 3");
        run.terminate();
        run.end()
            .expect_code(0)
            .expect_line(&["settings", "allowed is a number"])
            .expect_names("start", "settings fixed pool")
            .expect_names("stop ok", "pool settings")
            .expect_names("reload", &["settings pool"; 5].join(" "));
    }
    let _ = std::fs::remove_file(&file);
}

#[test]
fn a_reload_that_hangs_is_bounded() {
    unless_late(|| {
        let program = reloads().with("settings.reload=hang");
        let mut run = program
            .env("LIFECYCLE_START_TIMEOUT_SETTINGS", "200ms")
            .up();
        run.signal(Signal::HUP);
        run.until("pool.reload ok");
        run.terminate();
        run.end()
            .expect_code(0)
            .expect_order(&["settings.reload", "pool.reload"]);
    });
}

#[test]
fn a_hangup_during_startup_reloads_once_the_app_is_up() {
    let mut run = reloads().with("pool.start=slow:300").start();
    run.until("pool.start");
    run.signal(Signal::HUP);
    run.until("pool.reload ok");
    run.terminate();
    run.end()
        .expect_code(0)
        .expect_order(&["pool.start ok", "settings.reload", "pool.reload"]);
}

#[test]
fn hangups_during_a_reload_are_one_more_reload() {
    let mut run = reloads().with("settings.reload=slow:1000").up();
    run.signal(Signal::HUP);
    run.until("settings.reload");
    for _ in 0..20 {
        run.signal(Signal::HUP);
    }
    run.until_times("pool.reload ok", 2);
    run.terminate();
    run.end()
        .expect_code(0)
        .expect_names("reload", "settings pool settings pool");
}

#[test]
fn the_late_end_of_an_abandoned_reload_is_not_mistaken_for_the_next() {
    let program = reloads().with("pool.reload=block:3000");
    let mut run = program.env("LIFECYCLE_START_TIMEOUT_POOL", "2s").up();
    run.signal(Signal::HUP);
    run.until("pool.reload");
    // The first reload is given up at 2 s and ends at 3 s, while the second runs, which is given up at 4 s.
    run.signal(Signal::HUP);
    run.until_times("pool.reload ok", 2);
    run.terminate();
    let end = run.end();
    end.expect_code(0);
    let given_up = |line: &&str| line.contains("pool did not reload") && line.contains("2s");
    assert_eq!(end.stderr.lines().filter(given_up).count(), 2, "{end}");
}

#[test]
fn a_stop_request_cancels_a_reload() {
    let mut run = reloads()
        .with("settings.reload=hang pool.stop=slow:300")
        .up();
    run.signal(Signal::HUP);
    run.until("settings.reload");
    let asked = run.terminate();
    let end = run.end();
    end.expect_code(0)
        .expect_once("settings.reload dropped")
        .expect_order(&["settings.reload dropped", "pool.stop ok"])
        .expect_none("pool.reload");
    end.expect_gone(asked, Duration::from_secs(2));
}

#[test]
fn a_hangup_during_shutdown_is_ignored_and_is_no_second_signal() {
    unless_late(|| {
        let mut run = reloads().with("pool.stop=slow:1000").up();
        run.terminate();
        run.until("pool.stop");
        // Late enough to count as a second signal.
        let sent = run.another(Signal::HUP);
        let end = run.end();
        assert!(
            sent < end.at("pool.stop ok"),
            "SIGHUP came after the stop\n{end}"
        );
        end.expect_code(0)
            .expect_names("stop ok", "pool settings")
            .expect_names("reload", "");
    });
}

#[test]
fn a_hangup_stops_an_app_where_nothing_can_be_reloaded() {
    let mut run = chain().up();
    run.signal(Signal::HUP);
    run.end()
        .expect_code(0)
        .expect_names("stop ok", "e d c b a");
}

#[test]
fn a_hangup_that_the_parent_ignores_is_ignored() {
    let mut run = program!("chain")
        .through("trap '' HUP; exec \"$@\"")
        .env("LOG", "info")
        .up();
    run.signal(Signal::HUP);
    // There is no event to wait for: nothing must happen.
    std::thread::sleep(Duration::from_millis(200));
    let asked = run.terminate();
    let end = run.end();
    end.expect_code(0).expect_line(&["stopping", "SIGTERM"]);
    assert!(end.at("main asked") > asked, "{end}");
    assert!(!end.has_line(&["SIGHUP"]), "{end}");
}
