//! Probes: their answers from before the first start until after the last stop, and with faults of all kinds.

use std::fs::{remove_file, write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use lifecycle_tests::harness::{Program, Signal};
use lifecycle_tests::http::{Answer, ask, get, own_address};
use lifecycle_tests::program;
use serde_json::Value;

/// At the terminal that the tests may run in, SIGHUP means to stop.
use crate::probed::probed;

const DETACHED: &str = env!("CARGO_BIN_EXE_detached");
const SECOND: Duration = Duration::from_secs(1);

/// A program whose `health` hooks do what the files in the folder say.
fn with_health() -> (Program, SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let (program, address) = probed();
    let argument = format!("health={}", folder.path().display());
    (program.with(&argument), address, folder)
}

/// Repeats the request until the answer matches, which it does within seconds.
#[track_caller]
fn until(address: SocketAddr, path: &str, status: u16) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = get(address, path);
        if answer.status == status {
            return answer;
        }
        assert!(begun.elapsed() < 20 * SECOND, "{answer:?}");
    }
}

/// Repeats the request until the answer matches: the state is published a moment after the hooks are called.
#[track_caller]
fn soon(address: SocketAddr, path: &str, status: u16, parts: &[&str]) {
    let begun = Instant::now();
    loop {
        let answer = get(address, path);
        let fits = parts.iter().all(|part| answer.body.contains(part));
        if (answer.status == status && fits) || begun.elapsed() > 2 * SECOND {
            answer.expect(status, parts);
            return;
        }
    }
}

#[test]
fn d3_probes_answer_from_the_first_start_to_the_last_stop() {
    let (program, address) = probed();
    let mut run = program
        .with("database.start=slow:2500 main.after=slow:2500 database.stop=slow:2500 writer=slow:2500")
        .env("LIFECYCLE_LAME_DUCK", "2500ms")
        .start();
    run.until("database.start");
    soon(address, "/livez", 200, &["alive"]);
    let missing = [
        "starting",
        "database: starting\n",
        "cache: waiting\n",
        "poll: waiting\n",
    ];
    soon(address, "/startupz", 503, &missing);
    soon(address, "/readyz", 503, &missing);
    soon(
        address,
        "/healthz",
        200,
        &["ok\n", "\ndatabase: not asked: starting\n"],
    );

    run.until("main");
    soon(address, "/livez", 200, &["alive"]);
    soon(address, "/startupz", 200, &["started"]);
    soon(address, "/readyz", 200, &["ready"]);
    soon(
        address,
        "/healthz",
        200,
        &["ok\n", "\ndatabase: ok\n", "\ncache: ok\n"],
    );

    let stopping = |state: &str| {
        soon(address, "/livez", 200, &["alive"]);
        soon(address, "/startupz", 200, &["started"]);
        soon(address, "/readyz", 503, &["not ready: stopping (SIGTERM)"]);
        soon(
            address,
            "/metrics",
            200,
            &[&format!("lifecycle_state{{state=\"{state}\"}} 1\n")],
        );
    };
    run.terminate();
    stopping("lame_duck");
    run.until("main.after");
    stopping("draining");
    run.until("database.stop");
    stopping("stopping");
    soon(
        address,
        "/healthz",
        200,
        &[
            "database: not asked: stopping\n",
            "cache: not asked: stopped\n",
        ],
    );
    // The last event.
    run.until("writer");
    stopping("stopping");
    let end = run.end();
    end.expect_code(0)
        .expect_order(&["cache.stop ok", "database.stop ok", "writer"]);
}

#[test]
fn a_failed_start_is_reported_and_never_ready() {
    let (program, address) = probed();
    let mut run = program
        .with("cache.start=error database.stop=slow:2500")
        .start();
    run.until("database.stop");
    soon(address, "/readyz", 503, &["stopping (`cache` failed)"]);
    soon(address, "/startupz", 503, &["not started", "cache: failed"]);
    soon(address, "/livez", 200, &[]);
    run.end().expect_code(1);
}

#[test]
fn a_runtime_with_all_threads_blocked_is_not_live() {
    let (program, address) = probed();
    let program = program.launched_by(DETACHED);
    let mut run = program.with("threads=block:9000").up();
    get(address, "/livez").expect(200, &["alive\n"]);
    // No check is under way any more that could be late.
    get(address, "/healthz").expect(200, &[]);
    run.signal(Signal::HUP);
    run.until("threads taken");
    let mut answers = vec![get(address, "/livez")];
    let stalled = until(address, "/livez", 503);
    stalled.expect(503, &["stalled: the runtime has not run a task for"]);
    answers.push(stalled);
    // Faster than the limit of any probe.
    assert!(
        answers.iter().all(|answer| answer.took < SECOND),
        "{answers:?}"
    );
    // A blocked runtime does not serve requests either.
    get(address, "/readyz").expect(
        503,
        &["not ready: stalled: the runtime has not run a task for"],
    );
    get(address, "/startupz").expect(200, &["started"]);
    get(address, "/metrics").expect(200, &["lifecycle_state{state=\"running\"} 1\n"]);
    until(address, "/livez", 200);
    until(address, "/readyz", 200);
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn a_busy_runtime_is_live() {
    let (program, address) = probed();
    let program = program.launched_by(DETACHED);
    let mut run = program.with("threads=busy:7000").up();
    run.signal(Signal::HUP);
    run.until("threads taken");
    let begun = Instant::now();
    while begun.elapsed() < 6 * SECOND {
        get(address, "/livez").expect(200, &["alive"]);
    }
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn readiness_is_lost_at_the_third_failure_in_a_row_and_comes_back() {
    let (program, address, folder) = with_health();
    let mut run = program.up();
    let database = folder.path().join("database");
    // A resource that readiness does not depend on.
    write(folder.path().join("cache"), "error").expect("a file");
    write(&database, "error").expect("a file");
    run.until_times("database.health", 2);
    get(address, "/readyz").expect(200, &["ready"]);
    let bad = until(address, "/readyz", 503);
    bad.expect(
        503,
        &["not ready\ndatabase: failed 3 times in a row: database.health is broken\n"],
    );
    get(address, "/livez").expect(200, &[]);
    remove_file(&database).expect("it is there");
    until(address, "/readyz", 200);
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn health_checks_run_concurrently_and_are_cached() {
    let (program, address, folder) = with_health();
    write(folder.path().join("cache"), "slow").expect("a file");
    write(folder.path().join("database"), "slow").expect("a file");
    let mut run = program.up();
    let answer = get(address, "/healthz");
    answer.expect(200, &["ok\n", "\ndatabase: ok\n", "\ncache: ok\n"]);
    assert!(answer.took < 2 * SECOND, "one after the other: {answer:?}");
    let again = get(address, "/healthz");
    again.expect(200, &["ok\n", "\ndatabase: ok\n", "\ncache: ok\n"]);
    assert!(again.took < SECOND, "asked again: {again:?}");
    run.terminate();
    let end = run.end();
    end.expect_code(0).expect_once("cache.health");
}

#[test]
fn a_health_check_that_hangs_or_fails_is_named_and_delays_no_other() {
    let (program, address, folder) = with_health();
    write(folder.path().join("cache"), "hang").expect("a file");
    write(folder.path().join("database"), "hang").expect("a file");
    // Nothing of it runs on tokio's blocking pool, which is full.
    let mut run = program.with("main=leave:512,asked").up();
    let answer = get(address, "/healthz");
    answer.expect(
        503,
        &[
            "failing\n",
            "database: failing: has not answered within 2",
            "cache: failing: has not answered within 2",
        ],
    );
    assert!(answer.took < 4 * SECOND, "{answer:?}");
    write(folder.path().join("database"), "error").expect("a file");
    let json = ask(address, "GET", "/healthz?format=json", "", 10 * SECOND).expect("an answer");
    let accepted = ask(
        address,
        "GET",
        "/healthz",
        "accept: application/json\r\n",
        10 * SECOND,
    );
    let accepted = accepted.expect("an answer");
    assert!(json.head.contains("application/json") && accepted.head.contains("application/json"));
    let json: Value = serde_json::from_str(&json.body).expect("JSON");
    assert_eq!(json["status"], "failing");
    let checks = json["checks"].as_array().expect("a list");
    let mut names: Vec<_> = checks.iter().map(|check| &check["component"]).collect();
    names.sort_by_key(|name| name.as_str());
    assert_eq!(names, ["cache", "database"]);
    assert!(checks.iter().all(|check| check["status"] == "failing"));
    run.terminate();
    // A thread whose check hangs is not asked again.
    let end = run.end();
    end.expect_code(0).expect_once("cache.health");
}

#[test]
fn requests_change_nothing_and_other_paths_are_not_found() {
    let (program, address) = probed();
    let mut run = program.up();
    for path in ["/livez", "/nowhere", "/metrics"] {
        let answer = ask(address, "POST", path, "content-length: 0\r\n", 10 * SECOND);
        answer.expect("an answer").expect(405, &["only GET"]);
    }
    let routes = ["/livez", "/readyz", "/startupz", "/healthz", "/metrics"];
    get(address, "/nowhere").expect(404, &routes);
    get(address, "/").expect(200, &["<!DOCTYPE html>", "<svg"]);
    let list = ask(address, "GET", "/", "accept: text/plain\r\n", 10 * SECOND);
    list.expect("an answer").expect(200, &routes);
    let head = ask(address, "HEAD", "/livez", "", 10 * SECOND).expect("an answer");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn a_bare_port_listens_on_loopback_only_and_no_port_on_nothing() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = free.expect("a port").port();
    for (value, listens) in [(format!(":{port}"), true), (String::new(), false)] {
        let mut run = program!("probed").env("LIFECYCLE_ADMIN", value).up();
        let answers =
            |address: [u8; 4]| ask((address, port).into(), "GET", "/livez", "", SECOND).is_ok();
        assert_eq!(answers([127, 0, 0, 1]), listens);
        assert!(!answers([127, 0, 0, 2]));
        run.terminate();
        run.end().expect_code(0);
    }
}

#[test]
fn an_unusable_address_is_named_before_any_start() {
    let end = program!("probed").env("LIFECYCLE_ADMIN", "somewhere").run();
    end.expect_code(2).expect_none("database.start");
    end.expect_line(&[
        "LIFECYCLE_ADMIN=\"somewhere\"",
        "not an address with a port",
        "127.0.0.1:9000",
    ]);
    let taken = TcpListener::bind(own_address()).expect("an address");
    let address = taken.local_addr().expect("it has one").to_string();
    let end = program!("probed").env("LIFECYCLE_ADMIN", &address).run();
    end.expect_code(1).expect_none("database.start");
    end.expect_line(&["LIFECYCLE_ADMIN", &address, "in use"]);
}
