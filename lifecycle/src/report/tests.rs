//! Critical paths and blame of made-up lives.

use std::time::Duration;

use expect_test::expect;

use crate::api::cleanup_layer::CleanupLayer;
use crate::life::track::{Activity, Mark, Span};
use crate::report::timeline::{Kind, Row, Timeline};
use crate::report::{Blame, CriticalPath};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn timeline(marks: &[(Mark, u64)], rows: Vec<Row>) -> Timeline {
    Timeline {
        app: "App".to_owned(),
        lines: Vec::new(),
        cause: "SIGTERM".to_owned(),
        forced: None,
        marks: marks
            .iter()
            .map(|(mark, time)| (*mark, at(*time)))
            .collect(),
        reserve: at(2),
        rows,
    }
}

/// A row with its start and its stop in seconds, and the rows that it waited for.
fn row(name: &str, kind: Kind, start: [u64; 2], stop: [u64; 2], after: [Option<usize>; 2]) -> Row {
    let cleanup = match kind {
        Kind::Resource => Activity::Stopping,
        Kind::Worker | Kind::Main => Activity::Draining,
    };
    let span = |activity, begin, end| Span {
        activity,
        begin: at(begin),
        end: at(end),
    };
    Row {
        name: name.to_owned(),
        kind,
        layer: Some(CleanupLayer::Safe),
        is_up: true,
        note: String::new(),
        spans: vec![
            span(Activity::Waiting, 0, start[0]),
            span(Activity::Starting(1), start[0], start[1]),
            span(Activity::Running, start[1], stop[0]),
            span(cleanup, stop[0], stop[1]),
        ],
        start_after: after[0],
        stop_after: after[1],
    }
}

#[test]
fn the_critical_path_follows_what_each_component_waited_for() {
    let marks = [
        (Mark::Up, 9),
        (Mark::Cause, 20),
        (Mark::LameDuck, 20),
        (Mark::Drain, 22),
        (Mark::Stop, 27),
        (Mark::End, 34),
        (Mark::Deadline, 60),
    ];
    let resource = |name, start, stop, after| row(name, Kind::Resource, start, stop, after);
    let rows = vec![
        resource("config", [0, 1], [33, 34], [None, Some(1)]),
        resource("database", [1, 6], [29, 33], [Some(0), Some(3)]),
        resource("cache", [1, 2], [27, 28], [Some(0), None]),
        resource("server", [6, 9], [27, 29], [Some(1), None]),
        row("worker", Kind::Worker, [6, 7], [22, 25], [Some(1), None]),
    ];
    let timeline = timeline(&marks, rows);
    expect![[r#"
        critical path of the startup, 9s:
                 0  config 1s
                1s  database 5s
                6s  server 3s
        critical path of the shutdown, 14s:
                 0  (lame duck) 2s
                2s  worker 3s
                5s  (work in flight) 2s
                7s  server 2s
                9s  database 4s
               13s  config 1s
    "#]]
    .assert_eq(&CriticalPath::of(&timeline, at(34)).to_string());
    expect![[r#"
        longest to start:
                5s  database
                3s  server
                1s  config
                1s  cache
                1s  worker
        longest to stop:
                4s  database
                3s  worker
                2s  server
                1s  config
                1s  cache
    "#]]
    .assert_eq(&Blame::of(&timeline, at(34)).to_string());
}

#[test]
fn a_path_of_steps_without_duration_terminates() {
    let marks = [(Mark::Up, 1), (Mark::Cause, 2), (Mark::End, 3)];
    let both = |other: usize| [Some(other), Some(other)];
    let rows = vec![
        row("a", Kind::Worker, [1, 1], [3, 3], both(1)),
        row("b", Kind::Worker, [1, 1], [3, 3], both(0)),
    ];
    let path = CriticalPath::of(&timeline(&marks, rows), at(3)).to_string();
    assert_eq!(path.lines().count(), 2 * (1 + 2), "{path}");
}

#[test]
fn the_slowest_come_first_and_the_list_is_bounded() {
    let marks = [(Mark::Up, 50), (Mark::Cause, 50), (Mark::End, 100)];
    let rows = (0..50).map(|place| {
        let name = format!("r{place}");
        let none = [None, None];
        row(&name, Kind::Resource, [0, place], [50, 50 + place], none)
    });
    let blame = Blame::of(&timeline(&marks, rows.collect()), at(100)).to_string();
    assert_eq!(blame.lines().count(), 2 * (1 + 20 + 1), "{blame}");
    assert!(
        blame.starts_with("longest to start:\n       49s  r49\n"),
        "{blame}"
    );
    assert!(blame.contains("and 30 more"), "{blame}");
}
