//! The reducer, by sequences of events.

use super::*;
use crate::api::cleanup_layer::CleanupLayer;
use crate::api::leases::LeaseCounts;

const SECOND: Duration = Duration::from_secs(1);

/// Of an app with these resources and workers.
pub(crate) fn status(resources: &[&str], workers: &[&str], now: Instant) -> Status {
    let resources = resources.iter().map(|name| (*name, false));
    let workers = workers.iter().map(|name| (*name, true));
    let components = resources
        .chain(workers)
        .map(|(name, worker)| ComponentStatus::waiting(name.into(), worker, false, now));
    Status::of(components, now)
}

pub(crate) fn starting(name: &str, time_limit: Duration) -> EventKind {
    EventKind::Starting {
        name: name.into(),
        time_limit,
    }
}

pub(crate) fn started(name: &str) -> EventKind {
    EventKind::Started {
        name: name.into(),
        took: SECOND,
    }
}

pub(crate) fn start_failed(name: &str, attempt: u32, retry: bool) -> EventKind {
    EventKind::StartFailed {
        name: name.into(),
        attempt,
        error: "no route".to_owned(),
        retry_in: retry.then_some(SECOND),
    }
}

pub(crate) fn running() -> EventKind {
    EventKind::Running { took: SECOND }
}

pub(crate) fn failed(name: &str, retry: bool) -> EventKind {
    EventKind::Failed {
        name: name.into(),
        error: "no luck".to_owned(),
        retry_in: retry.then_some(SECOND),
    }
}

pub(crate) fn shutdown_began(signal: i32, time_limit: Duration) -> EventKind {
    EventKind::ShutdownBegan {
        reason: Reason::Signal(signal),
        time_limit,
    }
}

pub(crate) fn draining(pending: PendingWork, time_limit: Duration) -> EventKind {
    EventKind::Draining {
        pending,
        time_limit,
    }
}

pub(crate) fn stopping(name: &str, time_limit: Duration) -> EventKind {
    EventKind::Stopping {
        name: name.into(),
        time_limit,
    }
}

pub(crate) fn stopped(name: &str) -> EventKind {
    EventKind::Stopped {
        name: name.into(),
        took: SECOND,
        layer: CleanupLayer::Safe,
        errors: Vec::new(),
        unfinished_tasks: Vec::new(),
        leases: LeaseCounts::default(),
    }
}

fn in_flight(in_flight: u64) -> PendingWork {
    PendingWork {
        in_flight,
        ..PendingWork::default()
    }
}

/// A status and the instant of its last event: each is a second after the one before.
struct Life {
    status: Status,
    at: Instant,
}

impl Life {
    fn new(resources: &[&str], workers: &[&str]) -> Self {
        let at = Instant::now();
        let status = status(resources, workers, at);
        Self { status, at }
    }

    fn apply(&mut self, kind: EventKind) -> Change {
        self.at += SECOND;
        self.status.apply(&Event::new(self.at, kind))
    }

    fn all<const N: usize>(&mut self, kinds: [EventKind; N]) {
        for kind in kinds {
            self.apply(kind);
        }
    }

    #[track_caller]
    fn expect_step(&self, name: &str, step: Step) {
        let id = self.status.ids[name];
        assert_eq!(self.status.components[id].step, step, "{name}");
    }

    fn under_way(&self) -> Vec<&str> {
        let under_way = self.status.under_way();
        under_way.iter().map(|component| &*component.name).collect()
    }

    /// The phase that each of the events leads to.
    fn phases<const N: usize>(&mut self, kinds: [EventKind; N]) -> [Phase; N] {
        kinds.map(|kind| {
            let before = self.status.phase;
            let change = self.apply(kind);
            assert_eq!(change.phase, self.status.phase != before);
            if change.phase {
                assert_eq!(self.status.since, self.at);
            }
            self.status.phase
        })
    }
}

#[test]
fn a_graceful_life_goes_through_all_phases_in_order() {
    let mut life = Life::new(&["database"], &["serve"]);
    let phases = life.phases([
        starting("database", SECOND),
        started("database"),
        starting("serve", SECOND),
        started("serve"),
        running(),
        shutdown_began(15, 25 * SECOND),
        EventKind::LameDuck { time: SECOND },
        draining(in_flight(0), SECOND),
        stopping("serve", SECOND),
        stopped("serve"),
        stopping("database", SECOND),
        stopped("database"),
        EventKind::Ended { exit_code: 0 },
    ]);
    assert_eq!(
        phases,
        [
            Phase::Starting,
            Phase::Starting,
            Phase::Starting,
            Phase::Starting,
            Phase::Running,
            Phase::Running,
            Phase::LameDuck,
            Phase::Draining,
            Phase::Draining,
            Phase::Draining,
            Phase::Stopping,
            Phase::Stopping,
            Phase::Ended,
        ]
    );
    let stop = life.status.stop.as_ref().expect("it was asked to stop");
    assert_eq!((stop.total, stop.time_limit), (2, 25 * SECOND));
    assert_eq!(stop.reason, Reason::Signal(15));
    assert_eq!(life.status.stopped(), 2);
    assert_eq!(life.status.exit_code, Some(0));
    assert_eq!(life.status.startup, Some(SECOND));
}

#[test]
fn a_resource_without_a_stop_ends_the_drain_as_well() {
    let mut life = Life::new(&["config"], &[]);
    life.all([
        started("config"),
        running(),
        shutdown_began(15, SECOND),
        draining(in_flight(0), SECOND),
    ]);
    assert_eq!(life.phases([stopped("config")]), [Phase::Stopping]);
}

#[test]
fn a_startup_that_fails_drains_without_having_run() {
    let mut life = Life::new(&["a", "b", "c"], &[]);
    life.all([
        starting("a", SECOND),
        started("a"),
        starting("b", SECOND),
        start_failed("b", 1, false),
        shutdown_began(15, SECOND),
    ]);
    assert_eq!(life.status.phase, Phase::Starting);
    assert!(life.status.startup.is_none());
    life.expect_step("a", Step::Up);
    life.expect_step("b", Step::Failed);
    life.expect_step("c", Step::Waiting);
    assert_eq!(
        life.phases([draining(in_flight(0), SECOND)]),
        [Phase::Draining]
    );
}

#[test]
fn a_start_that_is_tried_again_counts_its_attempts_and_keeps_its_error() {
    let mut life = Life::new(&["a"], &[]);
    life.apply(starting("a", 5 * SECOND));
    let began = life.at;
    life.all([start_failed("a", 1, true), start_failed("a", 2, true)]);
    let a = &life.status.components[0];
    assert_eq!((a.step, a.since, a.attempt), (Step::Starting, began, 3));
    assert_eq!(
        (a.failed_starts, a.starts, a.time_limit),
        (2, 0, 5 * SECOND)
    );
    assert_eq!(a.last_error.as_deref(), Some("no route"));
    life.apply(started("a"));
    let a = &life.status.components[0];
    assert_eq!((a.step, a.since, a.starts), (Step::Up, life.at, 1));
    assert_eq!(a.start_took, Some(SECOND));
}

#[test]
fn a_worker_that_runs_again_stays_up_and_one_that_does_not_has_failed_or_finished() {
    let mut life = Life::new(&[], &["restarted", "failing", "finishing"]);
    life.all([
        started("restarted"),
        started("failing"),
        started("finishing"),
        running(),
        failed("restarted", true),
        EventKind::Restarting {
            name: "restarted".into(),
            retry_in: SECOND,
        },
        failed("failing", false),
        EventKind::Finished {
            name: "finishing".into(),
        },
    ]);
    life.expect_step("restarted", Step::Up);
    life.expect_step("failing", Step::Failed);
    life.expect_step("finishing", Step::Finished);
    let restarted = &life.status.components[0];
    assert_eq!((restarted.restarts, restarted.failures), (2, 1));
    assert_eq!(life.status.components[1].restarts, 0);
    // Only what is up can be stopped.
    life.apply(shutdown_began(15, SECOND));
    assert_eq!(life.status.stop.as_ref().map(|stop| stop.total), Some(1));
}

#[test]
fn a_periodic_run_that_fails_is_a_failure_and_no_restart() {
    let at = Instant::now();
    let periodic = ComponentStatus::waiting("expire".into(), true, true, at);
    let mut status = Status::of([periodic].into_iter(), at);
    status.apply(&Event::new(at, failed("expire", true)));
    let expire = &status.components[0];
    assert_eq!((expire.failures, expire.restarts), (1, 0));
}

#[test]
fn a_resource_that_has_the_app_fail_is_up_until_it_is_stopped() {
    let mut life = Life::new(&["a"], &[]);
    life.all([started("a"), running(), failed("a", false)]);
    life.expect_step("a", Step::Up);
    life.apply(shutdown_began(15, SECOND));
    assert_eq!(life.status.stop.as_ref().map(|stop| stop.total), Some(1));
    assert_eq!(life.status.stopped(), 0);
    life.all([stopping("a", SECOND), stopped("a")]);
    assert_eq!(life.status.stopped(), 1);
}

#[test]
fn main_is_no_component() {
    let mut life = Life::new(&["a"], &[]);
    let change = life.apply(failed("main", false));
    assert_eq!(change, Change::default());
    life.expect_step("a", Step::Waiting);
}

#[test]
fn what_is_under_way_is_in_the_order_in_which_it_began() {
    let mut life = Life::new(&["a", "b", "c"], &["d"]);
    life.all([
        starting("c", SECOND),
        starting("a", SECOND),
        starting("b", SECOND),
    ]);
    assert_eq!(life.under_way(), ["c", "a", "b"]);
    life.apply(started("a"));
    assert_eq!(life.under_way(), ["c", "b"]);
    // A start that goes on is not what a stop waits for; a stop is.
    life.apply(shutdown_began(15, SECOND));
    assert!(life.under_way().is_empty());
    life.all([draining(in_flight(0), SECOND), stopping("a", SECOND)]);
    assert_eq!(life.under_way(), ["a"]);
    life.apply(EventKind::Forced {
        signal: None,
        exited: false,
    });
    assert!(life.under_way().is_empty());
}

#[test]
fn a_component_that_comes_up_after_the_request_to_stop_is_not_counted_as_stopped() {
    let mut life = Life::new(&["a", "b"], &[]);
    life.all([
        started("a"),
        starting("b", SECOND),
        shutdown_began(15, SECOND),
        draining(in_flight(0), SECOND),
        started("b"),
    ]);
    assert_eq!(life.status.stopped(), 0);
    life.all([stopping("b", SECOND), stopped("b")]);
    assert_eq!(life.status.stopped(), 0);
    life.all([stopping("a", SECOND), stopped("a")]);
    assert_eq!(life.status.stopped(), 1);
}

#[test]
fn a_change_names_the_component_and_the_phase() {
    let mut life = Life::new(&["a"], &[]);
    let of_component = Change {
        phase: false,
        component: Some(0),
    };
    assert_eq!(life.apply(starting("a", SECOND)), of_component);
    assert_eq!(life.apply(start_failed("a", 1, true)), Change::default());
    assert_eq!(life.apply(started("a")), of_component);
    life.all([
        running(),
        shutdown_began(15, SECOND),
        draining(in_flight(0), SECOND),
    ]);
    let of_both = Change {
        phase: true,
        ..of_component
    };
    assert_eq!(life.apply(stopping("a", SECOND)), of_both);
    assert_eq!(life.apply(stopped("a")), of_component);
}

#[test]
fn what_is_pending_is_what_was_counted_last() {
    let mut life = Life::new(&[], &[]);
    life.all([
        running(),
        shutdown_began(15, SECOND),
        draining(in_flight(5), 9 * SECOND),
    ]);
    assert_eq!(life.status.pending, in_flight(5));
    assert_eq!(life.status.time_limit, 9 * SECOND);
    life.apply(EventKind::StillDraining {
        pending: in_flight(2),
    });
    assert_eq!(life.status.pending, in_flight(2));
}

#[test]
fn the_first_error_of_a_reload_is_kept_until_the_next_one() {
    let reloaded = |name: &str, error: Option<&str>| EventKind::Reloaded {
        name: name.into(),
        error: error.map(ToOwned::to_owned),
    };
    let began = || EventKind::ReloadBegan { time_limit: SECOND };
    let mut life = Life::new(&["a", "b", "c"], &[]);
    life.all([
        running(),
        began(),
        reloaded("a", None),
        reloaded("b", Some("no such file")),
        reloaded("c", Some("no space")),
    ]);
    assert!(life.status.reload.is_under_way);
    life.apply(EventKind::ReloadEnded);
    let expected = (Arc::from("b"), "no such file".to_owned());
    assert_eq!(life.status.reload.failed, Some(expected));
    life.apply(began());
    assert!(life.status.reload.is_under_way && life.status.reload.failed.is_none());
    life.apply(shutdown_began(15, SECOND));
    assert!(!life.status.reload.is_under_way);
    assert_eq!(life.status.phase, Phase::Running);
}

#[test]
fn a_forced_end_is_kept_with_its_signal_and_counts_the_layers() {
    let mut life = Life::new(&["a"], &[]);
    life.all([started("a"), running(), shutdown_began(2, SECOND)]);
    let forced = EventKind::Forced {
        signal: Some(2),
        exited: false,
    };
    let by_emergency = EventKind::Stopped {
        name: "a".into(),
        took: SECOND,
        layer: CleanupLayer::Emergency,
        errors: vec!["its stop did not end in time".to_owned()],
        unfinished_tasks: Vec::new(),
        leases: LeaseCounts::default(),
    };
    let phases = life.phases([forced, by_emergency, EventKind::Ended { exit_code: 130 }]);
    assert_eq!(phases, [Phase::Forced, Phase::Forced, Phase::Ended]);
    assert_eq!(life.status.forced_by, Some(2));
    assert_eq!(life.status.components[0].stops, [0, 0, 1]);
    assert_eq!(life.status.exit_code, Some(130));
}
