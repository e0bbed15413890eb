//! A rehearsed bad day of the agent: each of its hooks with each fault.
//!
//! `cargo test -p agent --features drill --test it -- --nocapture drill::` shows the tables.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::harness::{End, Program};

use crate::agent::{agent, stopped};

/// How many agents run side by side.
const SIDE_BY_SIDE: usize = 3;
const LIMIT: Duration = Duration::from_secs(5);

struct Resource {
    name: &'static str,
    order: u32,
    /// The name of the resource in variables.
    variable: &'static str,
    stops: bool,
}

const fn resource(name: &'static str, order: u32, variable: &'static str, stops: bool) -> Resource {
    Resource {
        name,
        order,
        variable,
        stops,
    }
}

const RESOURCES: [Resource; 12] = [
    resource("Config", 0, "CONFIG", false),
    resource("Database", 1, "DATABASE", true),
    resource("Cache", 2, "CACHE", true),
    resource("Embedder", 2, "EMBEDDER", true),
    resource("HttpClient", 2, "HTTP_CLIENT", true),
    resource("VectorIndex", 2, "VECTOR_INDEX", true),
    resource("Model", 2, "MODEL", true),
    resource("Jobs", 3, "JOBS", true),
    resource("Sessions", 3, "SESSIONS", true),
    resource("Library", 3, "LIBRARY", false),
    resource("Answers", 3, "ANSWERS", false),
    resource("HttpListener", 4, "HTTP_LISTENER", true),
];

/// One run of the agent with its faults, and its expected exit code.
struct Day {
    directives: String,
    limits: Vec<(String, &'static str)>,
    code: i32,
}

/// The end of a run, and its time from the first reason to stop.
struct Outcome {
    end: End,
    took: Duration,
}

impl Day {
    fn run(&self) -> Outcome {
        let folder = tempfile::tempdir().expect("a folder");
        let program = agent(folder.path())
            // A fault may block one of them.
            .env("TOKIO_WORKER_THREADS", "4")
            .env("LIFECYCLE_DRILL", &self.directives)
            .limits("5s", "500ms");
        let limited = |program: Program, (name, value): &(String, &str)| program.env(name, value);
        let mut run = self.limits.iter().fold(program, limited).start();
        run.until_stderr(" stopping reason=");
        let asked = now();
        let end = run.end();
        end.expect_code(self.code).expect_gone(asked, LIMIT);
        let took = end.at.saturating_sub(asked);
        Outcome { end, took }
    }
}

fn order(name: &str) -> u32 {
    let resource = RESOURCES.iter().find(|resource| resource.name == name);
    // Workers come after all resources.
    resource.map_or(5, |resource| resource.order)
}

/// Runs all the days. `look` checks the end of each and returns its part of a line of the table.
fn rehearse<T: Sync>(days: &[(Day, T)], look: impl Fn(&Day, &T, &Outcome) -> String + Sync) {
    let next = Mutex::new(days.iter().enumerate());
    let table = Mutex::new(vec![String::new(); days.len()]);
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let day = next.lock().expect("no panic under the lock").next();
                    let Some((index, (day, more))) = day else {
                        return;
                    };
                    let outcome = day.run();
                    let mut line = format!("{:42} {:>4}  ", day.directives, day.code);
                    line += &look(day, more, &outcome);
                    let _ = write!(line, "  {:>5} ms", outcome.took.as_millis());
                    table.lock().expect("no panic under the lock")[index] = line;
                }
            });
        }
    });
    let table = table.into_inner().expect("no panic under the lock");
    println!("{}", table.join("\n"));
}

#[test]
fn a_stop_without_faults_is_graceful() {
    let day = Day {
        directives: "stop".to_owned(),
        limits: Vec::new(),
        code: 0,
    };
    let Outcome { end, .. } = day.run();
    for resource in RESOURCES {
        assert_eq!(end.row(resource.name).0, "safe", "{end}");
    }
}

/// Faults of a stop: the exit code, and the layers that the resource needs without and with a second signal.
const STOPS: [(&str, i32, &str, &str); 6] = [
    ("error", 3, "emergency", "emergency"),
    ("panic", 3, "emergency", "emergency"),
    ("hang", 3, "timeout", "timeout"),
    ("block", 3, "timeout", "timeout"),
    ("slow 50ms", 0, "safe", "safe"),
    ("slow 1m", 3, "timeout", "timeout"),
];

#[test]
fn a_faulty_stop_leaves_the_other_components_safe() {
    let mut days = Vec::new();
    for resource in RESOURCES.iter().filter(|resource| resource.stops) {
        for (fault, code, layer, _) in STOPS {
            // A stop that hangs takes all of its time, so that is kept short.
            let time = if layer == "timeout" { "200ms" } else { "2s" };
            let day = Day {
                directives: format!("{}.stop={fault}, signal=once", resource.name),
                limits: vec![(format!("LIFECYCLE_TIMEOUT_{}", resource.variable), time)],
                code,
            };
            days.push((day, (resource, layer)));
        }
    }
    rehearse(&days, |day, (faulty, layer), outcome| {
        let end = &outcome.end;
        for resource in &RESOURCES {
            let expected = if resource.name == faulty.name {
                layer
            } else {
                "safe"
            };
            assert_eq!(
                end.row(resource.name).0,
                expected,
                "{}\n{end}",
                resource.name
            );
        }
        let came = day.directives.split(',').next().unwrap_or_default();
        end.expect_line(&["drill: occurred", came, "1 of 1 signals"]);
        let others = stopped(&outcome.end);
        assert!(others.is_sorted_by(|a, b| order(a) >= order(b)), "{end}");
        format!("{layer:10} others safe")
    });
}

#[test]
fn a_second_signal_forces_everything_that_a_faulty_stop_delays() {
    let mut days = Vec::new();
    for resource in RESOURCES.iter().filter(|resource| resource.stops) {
        for (fault, _, _, layer) in STOPS {
            let day = Day {
                directives: format!("{}.stop={fault}, signal=twice", resource.name),
                limits: Vec::new(),
                code: 143,
            };
            days.push((day, (resource, layer)));
        }
    }
    let reached = AtomicUsize::new(0);
    rehearse(&days, |day, (faulty, layer), outcome| {
        let end = &outcome.end;
        let stopped = stopped(&outcome.end);
        // On a busy machine the second signal may arrive before the stops above the faulty one have ended.
        let fault = day.directives.split(',').next().unwrap_or_default();
        let came = end.has_line(&["drill: occurred", fault]);
        reached.fetch_add(usize::from(came), Relaxed);
        let waited = came && *layer == "timeout";
        let mut forced = 0;
        for resource in &RESOURCES {
            let (found, note) = end.row(resource.name);
            if came && *layer != "safe" && resource.name == faulty.name {
                assert_eq!(found, *layer, "{}\n{end}", resource.name);
            } else if stopped.contains(&resource.name) || !resource.stops {
                assert_eq!(found, "safe", "{}\n{end}", resource.name);
                // They could stop only after the faulty resource.
                let below = resource.stops && resource.order < faulty.order;
                assert!(!(waited && below), "{}\n{end}", resource.name);
            } else {
                // Resources that are still up are cancelled; none of them has an emergency hook, which would be the
                // third layer.
                assert_eq!(found, "timeout", "{}\n{end}", resource.name);
                assert!(!note.is_empty(), "{}\n{end}", resource.name);
                forced += 1;
            }
        }
        end.expect_line(&["drill: occurred", "2 of 2 signals"]);
        let (layer, _) = end.row(faulty.name);
        format!("{layer:10} {forced} forced")
    });
    assert!(
        reached.into_inner() > days.len() / 2,
        "few of the faults came"
    );
}

#[test]
fn a_second_signal_in_the_drain_forces_all_resources() {
    let day = Day {
        directives: "signal=once, signal@draining=once".to_owned(),
        limits: Vec::new(),
        code: 143,
    };
    let Outcome { end, .. } = day.run();
    for resource in RESOURCES {
        let (layer, note) = end.row(resource.name);
        assert_eq!(
            layer == "timeout",
            resource.stops,
            "{}\n{end}",
            resource.name
        );
        assert_eq!(note.contains("forced"), resource.stops, "{end}");
    }
}

#[test]
fn a_failed_start_is_rolled_back_in_reverse() {
    let mut days = Vec::new();
    for resource in &RESOURCES {
        for fault in ["error", "panic", "hang", "block"] {
            let limit = format!("LIFECYCLE_START_TIMEOUT_{}", resource.variable);
            let mut limits = vec![(limit, "200ms")];
            // `Database` retries its start until the startup timeout.
            if resource.name == "Database" {
                limits.push(("LIFECYCLE_STARTUP_TIMEOUT".into(), "3s"));
            }
            let day = Day {
                directives: format!("{}.start={fault}", resource.name),
                limits,
                code: 1,
            };
            days.push((day, resource));
        }
    }
    rehearse(&days, |_, faulty, outcome| {
        let end = &outcome.end;
        let error = match faulty.name {
            "Database" => "still starting `Database`".to_owned(),
            name => format!("error: `{name}` did not start"),
        };
        end.expect_line(&[&error]);
        let stopped = stopped(&outcome.end);
        assert!(stopped.is_sorted_by(|a, b| order(a) >= order(b)), "{end}");
        assert!(
            stopped.iter().all(|name| order(name) <= faulty.order),
            "{end}"
        );
        assert!(!stopped.contains(&faulty.name), "{end}");
        // Resources with a smaller order had started.
        for resource in RESOURCES.iter().filter(|other| other.order < faulty.order) {
            assert!(stopped.contains(&resource.name), "{}\n{end}", resource.name);
        }
        format!("rolled back {}", stopped.len())
    });
}

#[test]
fn a_faulty_worker_fails_the_app_or_is_cancelled() {
    // The worker of the jobs is restarted, and the next run of the periodic worker comes on schedule.
    let workers = [
        ("serve", "SERVE", 1),
        ("work_jobs", "WORK_JOBS", 0),
        ("expire_sessions", "EXPIRE_SESSIONS", 0),
    ];
    let mut days = Vec::new();
    for (worker, variable, failed) in workers {
        for (fault, code) in [
            ("error", failed),
            ("panic", failed),
            ("hang", 3),
            ("block", 3),
        ] {
            let day = Day {
                directives: format!("{worker}.run={fault}"),
                limits: vec![(format!("LIFECYCLE_TIMEOUT_{variable}"), "200ms")],
                code,
            };
            days.push((day, ()));
        }
    }
    rehearse(&days, |day, (), outcome| {
        let end = &outcome.end;
        for resource in &RESOURCES {
            assert_eq!(end.row(resource.name).0, "safe", "{}\n{end}", resource.name);
        }
        end.expect_line(&["drill: occurred", &day.directives]);
        "resources safe".to_owned()
    });
}
