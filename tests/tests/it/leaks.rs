//! Leases of a resource, counted before and after its stop.

use std::sync::atomic::{AtomicUsize, Ordering};

use lifecycle::{Leases, Lifecycle, resource};
use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program};
use lifecycle_tests::program;

/// Three are in use when the stop begins; one of them is never returned.
struct Pool {
    out: AtomicUsize,
}

#[resource]
impl Pool {
    fn start() -> Self {
        let out = AtomicUsize::new(3);
        Self { out }
    }

    async fn stop(&self) {
        self.out.store(1, Ordering::SeqCst);
    }

    fn in_use(&self) -> usize {
        self.out.load(Ordering::SeqCst)
    }
}

/// Everything in use is returned during the stop.
struct Tidy(AtomicUsize);

#[resource]
impl Tidy {
    fn start() -> Self {
        Self(AtomicUsize::new(2))
    }

    fn stop(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    fn in_use(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Waits for nothing: leases in use when it stops have leaked.
struct Careless {
    leases: Leases,
}

#[resource]
impl Careless {
    fn start() -> Self {
        let leases = Leases::new();
        Self { leases }
    }

    fn stop(&self) {}

    fn in_use(&self) -> usize {
        self.leases.count()
    }
}

#[tokio::test]
async fn a_leak_is_reported_by_name_and_keeps_the_stop_graceful() {
    let app = Lifecycle::builder().resource::<Pool>().resource::<Tidy>();
    let report = app.start().await.expect("it starts").stop().await;
    assert!(report.is_clean(), "{report}");
    let leaked = |name| {
        report
            .component(name)
            .map(lifecycle::ComponentReport::leaked)
    };
    assert_eq!(leaked("Pool"), Some(1));
    assert_eq!(leaked("Tidy"), Some(0));
    let table = report.to_string();
    let lines: Vec<_> = table
        .lines()
        .filter(|line| line.contains("in use"))
        .collect();
    assert_eq!(lines.len(), 1, "{table}");
    assert!(
        lines[0].contains("Pool") && lines[0].contains("1 still in use (3 when its stop began)"),
        "{table}"
    );
}

#[tokio::test]
async fn a_counted_leak_is_reported_by_place_and_keeps_the_stop_graceful() {
    let app = Lifecycle::builder().resource::<Careless>();
    let running = app.start().await.expect("it starts");
    let careless = running.get::<Careless>().expect("it is up");
    let given_back = careless.leases.lend(());
    let (kept, line) = (careless.leases.lend(()), line!());
    drop((given_back, careless));
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");

    let component = report.component("Careless").expect("it is in the report");
    assert_eq!(component.leaked(), 1);
    let places: Vec<_> = component.leases().iter().map(|l| l.place()).collect();
    assert_eq!(places.len(), 1);
    assert_eq!((places[0].file(), places[0].line()), (file!(), line));
    let table = report.to_string();
    let note = format!("1 still in use, lent at {}", component.leases()[0]);
    assert!(table.contains(&note), "{table}");
    drop(kept);
}

#[tokio::test]
async fn only_the_oldest_leases_are_listed_and_the_rest_is_counted() {
    let app = Lifecycle::builder().resource::<Careless>();
    let running = app.start().await.expect("it starts");
    let careless = running.get::<Careless>().expect("it is up");
    let _kept: Vec<_> = (0..20).map(|_| careless.leases.lend(())).collect();
    let report = running.stop().await;

    let component = report.component("Careless").expect("it is in the report");
    assert_eq!((component.leaked(), component.leases().len()), (20, 16));
    let table = report.to_string();
    assert!(table.contains("20 still in use, lent at "), "{table}");
    assert!(table.contains(", and 4 more"), "{table}");
}

fn leases(what: &str) -> Program {
    program!("leases").with(what).limits("5s", "1s")
}

/// Starts the program with the pool, and asks it to stop once all connections are in use.
fn stopped_after_lending(program: Program) -> (End, Vec<String>) {
    let mut run = program.start();
    run.until("all is lent");
    run.terminate();
    let end = run.end();
    let places = end
        .evidence
        .iter()
        .filter_map(|line| Some(line.what.strip_prefix("lent at ")?.to_owned()))
        .collect();
    (end, places)
}

#[test]
fn d5_a_pool_with_a_leaked_lease_times_out_and_the_lease_is_named_by_place_and_age() {
    unless_late(|| {
        let (end, places) = stopped_after_lending(leases("main.first=keep"));
        end.expect_code(3)
            .expect_order(&["pool.stop", "pool.emergency", "base.stop"]);
        let (layer, note) = end.row("pool");
        assert_eq!(layer, "emergency", "{end}");
        assert!(note.starts_with("its stop did not end within "), "{end}");
        // The other connection was returned before the stop.
        let age = note
            .split_once(&format!("1 still in use, lent at {} for ", places[0]))
            .map(|(_, age)| age)
            .unwrap_or_else(|| panic!("{places:?} is not named\n{end}"));
        let seconds = match age.strip_suffix("ms") {
            Some(millis) => millis.parse::<f64>().map(|millis| millis / 1000.0),
            None => age.trim_end_matches('s').parse::<f64>(),
        };
        let seconds = seconds.unwrap_or_else(|_| panic!("`{age}` is no age\n{end}"));
        // It was acquired before the stop, which had 400 ms.
        assert!((0.4..end.took.as_secs_f64()).contains(&seconds), "{end}");
        assert!(!note.contains(&places[1]), "{end}");
    });
}

#[test]
fn d5_a_pool_whose_leases_return_in_time_stops_gracefully() {
    let (end, _) = stopped_after_lending(leases("main.first=late"));
    end.expect_code(0).expect_order(&[
        "pool.stop",
        "main.first returned",
        "pool.stop ok",
        "base.stop",
    ]);
    assert_eq!(end.count("pool.emergency"), 0, "{end}");
    assert!(!end.has_line(&["in use"]), "{end}");
}

#[test]
fn d5_the_leak_is_named_when_the_emergency_reserve_ends_the_stop() {
    unless_late(|| {
        let program = program!("leases").with("main.first=keep");
        let program = program
            .limits("1s", "500ms")
            .env("LIFECYCLE_DRAIN_TIMEOUT", "100ms")
            .env("LIFECYCLE_TIMEOUT_POOL", "30s");
        let (end, places) = stopped_after_lending(program);
        end.expect_code(3)
            .expect_order(&["pool.stop", "pool.emergency"]);
        let (layer, note) = end.row("pool");
        assert_eq!(layer, "emergency", "{end}");
        let named = format!("1 still in use, lent at {} for ", places[0]);
        assert!(note.contains(&named), "{places:?} is not named\n{end}");
    });
}
