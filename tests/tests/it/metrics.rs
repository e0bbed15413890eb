//! `/metrics`, as Prometheus reads it, and a recorder of metrics in the program.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lifecycle_tests::http::{Answer, get, own_address};

use crate::probed::probed;

const SECOND: Duration = Duration::from_secs(1);

/// Repeats the request until the answer has the line.
#[track_caller]
fn until_line(address: SocketAddr, line: &str) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = get(address, "/metrics");
        if answer.body.lines().any(|other| other == line) {
            return answer;
        }
        assert!(
            begun.elapsed() < 20 * SECOND,
            "no {line} in {}",
            answer.body
        );
    }
}

/// The value of a series.
#[track_caller]
fn value(answer: &Answer, series: &str) -> f64 {
    let value = |line: &str| line.strip_prefix(series)?.trim().parse().ok();
    let found = answer.body.lines().find_map(value);
    found.unwrap_or_else(|| panic!("no {series} in {}", answer.body))
}

#[test]
fn metrics_report_components_and_work_in_flight() {
    let (program, address) = probed();
    let mut run = program
        .with("poll=note:again database.start=slow:100 main.after=slow:2500 database.stop=error writer=slow:2500")
        .up();
    // Three runs; after the third the restart policy gives up.
    let up = until_line(
        address,
        "lifecycle_component_state{component=\"poll\",state=\"failed\"} 1",
    );
    up.expect(
        200,
        &[
            "# TYPE lifecycle_state gauge\n",
            "# TYPE lifecycle_component_starts_total counter\n",
            "# HELP lifecycle_state ",
            "lifecycle_state{state=\"running\"} 1\n",
            "lifecycle_state{state=\"starting\"} 0\n",
            "lifecycle_component_starts_total{component=\"poll\"} 1\n",
            "lifecycle_component_restarts_total{component=\"poll\"} 2\n",
            "lifecycle_component_failures_total{component=\"poll\"} 1\n",
            "lifecycle_component_starts_total{component=\"database\"} 1\n",
            "lifecycle_component_state{component=\"database\",state=\"up\"} 1\n",
            "lifecycle_component_unhealthy_checks{component=\"database\"} 0\n",
            "lifecycle_in_flight{component=\"Probed\"} 2\n",
            "lifecycle_admitted_total{component=\"Probed\"} 3\n",
            "lifecycle_refused_total{component=\"Probed\"} 0\n",
        ],
    );
    let took = value(
        &up,
        "lifecycle_component_start_duration_seconds{component=\"database\"}",
    );
    assert!((0.1..10.0).contains(&took), "{took}");
    assert!(value(&up, "lifecycle_startup_duration_seconds") >= took);
    let entered = value(&up, "lifecycle_state_entered_timestamp_seconds");
    run.terminate();
    run.until("refused");
    let draining = until_line(address, "lifecycle_state{state=\"draining\"} 1");
    draining.expect(
        200,
        &[
            "lifecycle_state{state=\"draining\"} 1\n",
            "lifecycle_in_flight{component=\"Probed\"} 2\n",
            "lifecycle_admitted_total{component=\"Probed\"} 3\n",
            "lifecycle_refused_total{component=\"Probed\"} 1\n",
        ],
    );
    assert!(value(&draining, "lifecycle_state_entered_timestamp_seconds") > entered);
    run.until("writer");
    let stopped = until_line(
        address,
        "lifecycle_component_state{component=\"database\",state=\"stopped\"} 1",
    );
    stopped.expect(
        200,
        &[
            "lifecycle_component_stops_total{component=\"database\",layer=\"emergency\"} 1\n",
            "lifecycle_component_stops_total{component=\"cache\",layer=\"safe\"} 1\n",
            "lifecycle_component_state{component=\"database\",state=\"stopped\"} 1\n",
            "lifecycle_in_flight{component=\"Probed\"} 0\n",
        ],
    );
    assert!(
        value(
            &stopped,
            "lifecycle_component_stop_duration_seconds{component=\"database\"}"
        ) < 5.0
    );
    run.end().expect_code(3);
}

#[test]
fn a_recorder_in_the_program_receives_the_metrics() {
    let (program, address) = probed();
    let mut run = program.with("recorder=notes main.after=slow:1000").up();
    run.until("recorded running");
    get(address, "/metrics").expect(200, &["lifecycle_state{state=\"running\"} 1\n"]);
    run.terminate();
    run.until("recorded draining");
    run.end().expect_code(0);
}

#[test]
fn a_recorder_that_never_returns_delays_nothing() {
    let (program, address) = probed();
    let mut run = program.with("recorder=blocks").up();
    run.until("recorder blocks");
    get(address, "/livez").expect(200, &[]);
    get(address, "/metrics").expect(200, &["lifecycle_state{state=\"running\"} 1\n"]);
    let asked = run.terminate();
    run.end().expect_code(0).expect_gone(asked, SECOND);
}

#[test]
#[ignore = "needs promtool, of Debian's package prometheus"]
fn promtool_accepts_the_metrics() {
    let (program, address) = probed();
    let mut run = program.up();
    let metrics = get(address, "/metrics").body;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    let mut stdin = promtool.stdin.take().expect("it is a pipe");
    stdin.write_all(metrics.as_bytes()).expect("it reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
    run.terminate();
    run.end().expect_code(0);
}

#[test]
#[ignore = "needs prometheus, of Debian's package of that name"]
fn prometheus_scrapes_the_metrics() {
    let (program, address) = probed();
    let mut run = program.up();
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "scrape_configs:\n- job_name: app\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['{address}']\n"
    );
    std::fs::write(&config, text).expect("a file");
    let own = own_address();
    let mut prometheus = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.path().join("data").display()
        ))
        .arg(format!("--web.listen-address={own}"))
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus starts");
    let begun = Instant::now();
    let query = "/api/v1/query?query=lifecycle_state%7Bstate%3D%22running%22%7D";
    let scraped = loop {
        let answer = lifecycle_tests::http::ask(own, "GET", query, "connection: close\r\n", SECOND);
        match answer {
            Ok(answer) if answer.body.contains("\"1\"]") => break true,
            _ if begun.elapsed() > 30 * SECOND => break false,
            _ => std::thread::yield_now(),
        }
    };
    let _ = prometheus.kill();
    let _ = prometheus.wait();
    assert!(scraped, "it has no such series");
    run.terminate();
    run.end().expect_code(0);
}
