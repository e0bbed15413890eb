//! The live lines after sequences of events.

use super::*;
use crate::api::event::EventKind;
use crate::plan::graph::{Cost, Node};
use crate::view::status::tests as status;
use crate::view::status::tests::{started, stopped};

const SECOND: Duration = Duration::from_secs(1);

/// Resources with their orders and what they need, then workers.
fn progress(resources: &[(&str, Option<i32>, &[usize])], workers: &[&str]) -> Progress {
    let node = |(name, order, needs): &(&str, Option<i32>, &[usize])| Node {
        name: (*name).to_owned(),
        order: *order,
        needs: needs.to_vec(),
        cost: Cost::Share,
    };
    let nodes: Vec<Node> = resources.iter().map(node).collect();
    let graph = Graph::new(&nodes).expect("nothing is wrong with it");
    let names: Vec<&str> = resources.iter().map(|(name, ..)| *name).collect();
    Progress {
        status: status::status(&names, workers, Instant::now()),
        resources: resources.len(),
        graph: Arc::new(graph),
    }
}

fn starting(name: &str) -> EventKind {
    status::starting(name, 10 * SECOND)
}

fn stop_began(name: &str) -> EventKind {
    status::stopping(name, 5 * SECOND)
}

fn stopping(signal: i32) -> EventKind {
    status::shutdown_began(signal, 25 * SECOND)
}

fn draining(pending: PendingWork) -> EventKind {
    status::draining(pending, 20 * SECOND)
}

/// What is shown a second and a half after these events.
#[track_caller]
fn expect(progress: &mut Progress, events: &[EventKind], lines: &[&str]) {
    let now = Instant::now();
    for kind in events {
        progress.apply(&Event::new(now, kind.clone()));
    }
    assert_eq!(progress.lines(now + 3 * SECOND / 2, 6), lines);
}

#[test]
fn a_startup_names_what_is_next_and_what_it_waits_for() {
    let mut progress = progress(
        &[
            ("config", Some(0), &[]),
            ("database", Some(1), &[]),
            ("cache", None, &[1]),
        ],
        &["serve"],
    );
    expect(
        &mut progress,
        &[starting("config")],
        &[
            "starting config 1s / 10s",
            "0 of 4 up; Ctrl+C stops; database waits for config",
        ],
    );
    expect(
        &mut progress,
        &[started("config"), starting("database")],
        &[
            "starting database 1s / 10s",
            "1 of 4 up; Ctrl+C stops; cache waits for database",
        ],
    );
    let workers = [
        started("database"),
        starting("cache"),
        started("cache"),
        starting("serve"),
    ];
    expect(
        &mut progress,
        &workers,
        &["starting serve 1s / 10s", "3 of 4 up; Ctrl+C stops"],
    );
    let running = [started("serve"), EventKind::Running { took: SECOND }];
    expect(&mut progress, &running, &[]);
    assert!(!progress.is_under_way());
}

#[test]
fn a_drain_shows_what_is_pending_and_a_stop_what_it_waits_for() {
    let mut progress = progress(
        &[("database", None, &[]), ("cache", None, &[0])],
        &["serve"],
    );
    for name in ["database", "cache", "serve"] {
        progress.apply(&Event::new(Instant::now(), started(name)));
    }
    let pending = PendingWork {
        in_flight: 12,
        by_scope: vec![("serve".into(), 10), ("main".into(), 2)],
        tasks: 1,
        main: true,
    };
    expect(
        &mut progress,
        &[
            EventKind::Running { took: SECOND },
            stopping(15),
            draining(pending),
            stop_began("serve"),
        ],
        &[
            "stopping serve 1s / 5s",
            "draining 1s / 20s: 12 in flight (serve 10, main 2), 1 task, main; Ctrl+C forces",
        ],
    );
    let pending = PendingWork::default();
    expect(
        &mut progress,
        &[stopped("serve"), EventKind::StillDraining { pending }],
        &["draining 1s / 20s; Ctrl+C forces"],
    );
    expect(
        &mut progress,
        &[stop_began("cache")],
        &[
            "stopping cache 1s / 5s",
            "1 of 3 stopped 1s / 25s; Ctrl+C forces; database waits for cache",
        ],
    );
    // What is shown last must be gone before the process is.
    expect(
        &mut progress,
        &[
            EventKind::Forced {
                signal: None,
                exited: false,
            },
            stop_began("database"),
        ],
        &[],
    );
    assert!(!progress.is_under_way());
}

#[test]
fn where_there_are_many_the_first_are_named_and_the_others_counted() {
    let names: Vec<String> = (0..20).map(|number| format!("r{number}")).collect();
    let resource = |(place, name)| -> (&str, Option<i32>, &[usize]) {
        (name, None, if place < 10 { &[] } else { &[0] })
    };
    let resources: Vec<_> = names
        .iter()
        .map(String::as_str)
        .enumerate()
        .map(resource)
        .collect();
    let mut progress = progress(&resources, &[]);
    let events: Vec<EventKind> = names[..10].iter().map(|name| starting(name)).collect();
    expect(
        &mut progress,
        &events,
        &[
            "starting r0 1s / 10s",
            "starting r1 1s / 10s",
            "starting r2 1s / 10s",
            "starting r3 1s / 10s",
            "starting r4 1s / 10s",
            "0 of 20 up; 5 more under way; Ctrl+C stops; r10 waits for r0, r11 for r0, r12 for r0 and 7 more",
        ],
    );
}

#[test]
fn what_has_only_begun_is_not_shown() {
    let mut progress = progress(&[("a", None, &[])], &[]);
    let now = Instant::now();
    progress.apply(&Event::new(now, starting("a")));
    assert!(progress.lines(now, 6).is_empty());
    assert!(progress.is_under_way());
    assert_eq!(progress.lines(now + WORTH_A_LINE, 6).len(), 2);
    // A terminal of two lines has room for one.
    assert_eq!(
        progress.lines(now + WORTH_A_LINE, 1),
        ["0 of 1 up; 1 more under way; Ctrl+C stops"]
    );
}

#[test]
fn times_are_whole_seconds_and_tenths_of_the_first() {
    let now = Instant::now();
    for (millis, says) in [
        (0, "0.0s / 10s"),
        (990, "0.9s / 10s"),
        (1_949, "1s / 10s"),
        (10_400, "10s / 10s"),
        (61_900, "1m 1s / 10s"),
    ] {
        let used = used(now + Duration::from_millis(millis), now, 10 * SECOND);
        assert_eq!(used, says);
    }
}
