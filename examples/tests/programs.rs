//! Each example runs, is asked to stop, and stops gracefully.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use lifecycle_tests::harness::{End, Program, Run, Signal};

const UP: &str = "main: up";

/// Starts the program and waits until it is up.
fn up(program: &str) -> Run {
    let mut run = Program::new(program).start();
    run.until_stdout(UP);
    run
}

/// Stops the program as Ctrl+C does.
fn interrupt(mut run: Run) -> End {
    run.signal(Signal::INT);
    run.end()
}

#[track_caller]
fn expect_in_order(end: &End, lines: &[&str]) {
    let mut said = end.stdout.lines();
    for line in lines {
        assert!(
            said.any(|said| said.starts_with(line)),
            "{line} is missing, or not in its place:\n{}",
            end.stdout
        );
    }
}

/// The program in the README.
#[test]
fn hello_counts_until_it_is_asked_to_stop() {
    let mut run = up(env!("CARGO_BIN_EXE_hello"));
    run.until_stdout("worker: 1");
    let end = interrupt(run);
    end.expect_code(0);
    expect_in_order(
        &end,
        &[
            "main: up; press Ctrl+C",
            "worker: stop requested, finishing",
            "database: closed",
        ],
    );
}

#[test]
fn ordering_stops_in_reverse() {
    let end = interrupt(up(env!("CARGO_BIN_EXE_ordering")));
    end.expect_code(0);
    for part in ["database", "cache"] {
        let (start, stop) = (format!("start: {part}"), format!("stop: {part}"));
        expect_in_order(
            &end,
            &[
                "start: config",
                &start,
                "start: search",
                UP,
                "stop: search",
                &stop,
                "stop: config",
            ],
        );
    }
}

#[test]
fn workers_that_fail_run_again_and_end_in_their_order() {
    let mut run = up(env!("CARGO_BIN_EXE_restarts"));
    run.until_stdout("consume: connected");
    let end = interrupt(run);
    end.expect_code(0);
    expect_in_order(
        &end,
        &[
            "compress: making its tables",
            "consume: connecting",
            "consume: connecting",
            "consume: connecting",
            "consume: connected",
            "consume: asked to stop",
            "compress: asked to stop",
        ],
    );
}

#[test]
fn periodic_stops_between_two_runs() {
    let mut run = up(env!("CARGO_BIN_EXE_periodic"));
    run.until_stdout("run 2: begins");
    let end = interrupt(run);
    end.expect_code(0);
    expect_in_order(&end, &["run 1: ends", "run 2: begins", "run 2: ends"]);
    expect_in_order(&end, &["main: "]);
}

#[test]
fn tasks_are_awaited() {
    let mut run = up(env!("CARGO_BIN_EXE_tasks"));
    run.until_stdout("mail 2: sending");
    let end = interrupt(run);
    end.expect_code(0);
    expect_in_order(&end, &["send_mails: asked to stop", "mail 2: sent"]);
}

#[test]
fn leaked_leases_are_named_with_their_place() {
    let mut run = up(env!("CARGO_BIN_EXE_pool"));
    run.until_stdout("query: 2 out");
    let end = interrupt(run);
    end.expect_code(0);
    expect_in_order(&end, &["pool: closed, 1 is still out"]);
    end.expect_line(&["Pool", "pool.rs:"]);
}

#[test]
fn streams_end_with_a_marker_and_are_saved() {
    let mut run = up(env!("CARGO_BIN_EXE_streams"));
    run.until_stdout("answer: word3");
    let end = interrupt(run);
    end.expect_code(0);
    expect_in_order(
        &end,
        &["answers: saved", "answer: [Shutdown]", "answers: closed"],
    );
}

#[test]
fn http_answers_admitted_requests() {
    let mut run = Program::new(env!("CARGO_BIN_EXE_http"))
        .env("ADDR", "127.0.0.1:0")
        .start();
    let line = run.until_stdout("listening on http://");
    let address = line.rsplit('/').next().expect("it ends with its address");
    let mut client = TcpStream::connect(address).expect("it listens");
    let request = "GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n";
    client.write_all(request.as_bytes()).expect("it reads");
    run.until_stdout("slow: admitted");
    run.terminate();
    run.until_stdout("main: asked to stop");
    let mut answer = String::new();
    let read = client.read_to_string(&mut answer);
    read.expect("the connection is closed after the answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("it was worth the wait"), "{answer}");
    run.end().expect_code(0);
}

#[test]
fn an_invalid_address_is_a_configuration_error() {
    let end = Program::new(env!("CARGO_BIN_EXE_http"))
        .env("ADDR", "localhost")
        .run();
    end.expect_code(2).expect_line(&["ADDR=localhost"]);
}

/// The spans of all stops except the exporter's own are exported, and the span of the emergency hook.
#[cfg(feature = "telemetry")]
#[test]
fn telemetry_flushes_last() {
    let end = interrupt(up(env!("CARGO_BIN_EXE_telemetry")));
    // The emergency hook of the cache had to run.
    end.expect_code(3);
    expect_in_order(&end, &[UP, "telemetry: flushes", "telemetry: has flushed"]);
    let spans: Vec<&str> = end.stdout.split("\nSpan #").skip(1).collect();
    for (phase, component) in [
        ("start", "Database"),
        ("start", "Cache"),
        ("run", "poll"),
        ("run", "main"),
        ("stop", "Database"),
        ("stop", "Cache"),
        ("emergency", "Cache"),
    ] {
        let exported = |span: &&str| {
            span.contains(&format!("component: String(Owned(\"{component}\"))"))
                && span.contains(&format!("phase: String(Owned(\"{phase}\"))"))
        };
        let count = spans.iter().copied().filter(exported).count();
        assert_eq!(count, 1, "{phase} of {component}:\n{}", end.stdout);
    }
}
