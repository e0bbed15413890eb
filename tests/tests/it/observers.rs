//! Observers: what they get, in which order, and that nothing they do changes how the life ends.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use lifecycle::{Event, EventKind, Lifecycle, Settings, Shutdown, resource};
use lifecycle_tests::harness::{End, Program, Signal};
use lifecycle_tests::program;

const SECOND: Duration = Duration::from_secs(1);

/// The chain with observers, on each flavour of the runtime.
fn programs() -> [Program; 2] {
    [program!("observed"), program!("observed_current_thread")]
}

/// The evidence of the first observer, in order.
fn events(end: &End) -> Vec<&str> {
    let lines = end.evidence.iter();
    lines
        .filter_map(|line| line.what.strip_prefix("event "))
        .collect()
}

#[track_caller]
fn expect_events(end: &End, expected: &[&str]) {
    assert_eq!(events(end), expected, "{end}");
}

/// The events of a life that was asked to stop when it was up.
fn graceful() -> Vec<&'static str> {
    let up = ["a", "b", "c", "d", "e"];
    let up = up.map(|name| [format!("Starting {name}"), format!("Started {name}")]);
    let down = ["e", "d", "c", "b", "a"];
    let down = down.map(|name| [format!("Stopping {name}"), format!("Stopped {name}")]);
    let whole = ["Running", "ShutdownBegan", "Draining"].map(ToOwned::to_owned);
    let events = up.into_iter().flatten().chain(whole);
    let events = events.chain(down.into_iter().flatten());
    let events = events.chain(["Ended 0".to_owned()]);
    events.map(|event| &*event.leak()).collect()
}

#[test]
fn a_chain_is_observed_in_its_order() {
    for program in programs() {
        let mut run = program.start();
        run.until("event Running");
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(0).expect_gone(asked, SECOND);
        expect_events(&end, &graceful());
    }
}

#[test]
fn a_start_that_fails_is_observed_with_its_rollback() {
    for program in programs() {
        let end = program.with("b.start=error").start().end();
        end.expect_code(1);
        let expected = [
            "Starting a",
            "Started a",
            "Starting b",
            "StartFailed b",
            "ShutdownBegan",
            "Draining",
            "Stopping a",
            "Stopped a",
            "Ended 1",
        ];
        expect_events(&end, &expected);
    }
}

#[test]
fn a_forced_end_is_observed_with_its_exit_code() {
    for program in programs() {
        let mut run = program.with("e.stop=hang observer=block").start();
        run.until("event Running");
        run.signal(Signal::INT);
        run.until("e.stop");
        let forced = run.another(Signal::INT);
        let end = run.end();
        end.expect_code(130).expect_gone(forced, SECOND);
        end.expect_once("event Forced")
            .expect_once("event Ended 130");
        assert_eq!(events(&end).last(), Some(&"Ended 130"), "{end}");
    }
}

#[test]
fn an_observer_that_panics_is_reported_once_and_changes_nothing() {
    for program in programs() {
        let mut run = program.with("observer=panic").start();
        run.until("event Running");
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(0).expect_gone(asked, SECOND);
        expect_events(&end, &graceful());
        end.expect_once("observer");
        let warning = "warning: an observer panicked and is not called any more: observer panics";
        let warnings = end.stderr.lines().filter(|line| *line == warning);
        assert_eq!(warnings.count(), 1, "{end}");
    }
}

#[test]
fn an_observer_that_blocks_for_ever_holds_up_the_end_for_a_second_at_most() {
    for program in programs() {
        let mut run = program.with("observer=block").start();
        run.until("event Running");
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(0).expect_gone(asked, 2 * SECOND);
        expect_events(&end, &graceful());
        end.expect_once("observer").expect_none("observer ok");
    }
}

#[test]
fn an_observer_that_blocks_for_ever_does_not_move_the_deadline() {
    for program in programs() {
        let mut run = program
            .with("observer=block settings=1000 writer=ok")
            .start();
        run.until("event Running");
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(0).expect_gone(asked, SECOND);
        end.expect_once("writer ok");
    }
}

#[test]
fn an_observer_that_is_slow_gets_all_events_before_the_end_and_before_the_flush() {
    for program in programs() {
        let mut run = program.with("observer=slow:60 writer=ok").start();
        run.until("event Running");
        run.terminate();
        let end = run.end();
        end.expect_code(0);
        assert_eq!(end.count("observer ok"), graceful().len(), "{end}");
        let last = end
            .evidence
            .iter()
            .rposition(|line| line.what == "observer ok");
        let flush = end.evidence.iter().position(|line| line.what == "writer");
        assert!(last < flush, "{end}");
    }
}

#[test]
fn a_plan_that_is_printed_is_not_observed() {
    for program in programs() {
        let end = program.env("LIFECYCLE_PRINT", "plan").start().end();
        end.expect_code(0);
        expect_events(&end, &[]);
    }
}

struct Config;

#[resource(name = "config")]
impl Config {
    fn start() -> Self {
        Self
    }
}

struct Database;

#[resource(name = "database")]
impl Database {
    async fn start(_config: &Config) -> Self {
        tokio::time::sleep(SECOND / 10).await;
        Self
    }

    async fn stop(&self) {
        tokio::time::sleep(SECOND / 10).await;
    }
}

/// An observer that returns from no call before the sender is dropped.
fn stuck() -> (impl FnMut(&Event) + Send + 'static, SyncSender<()>) {
    let (release, is_released) = sync_channel::<()>(0);
    let observer = move |_: &Event| {
        let _ = is_released.recv();
    };
    (observer, release)
}

/// An observer that sends each event.
fn sending() -> (impl FnMut(&Event) + Send + 'static, Receiver<Event>) {
    let (sender, seen) = channel();
    let observer = move |event: &Event| drop(sender.send(event.clone()));
    (observer, seen)
}

fn builder() -> lifecycle::Builder {
    Lifecycle::builder().resource::<Database>().background(
        "poll",
        |shutdown: Shutdown| async move {
            shutdown.requested().await;
        },
    )
}

fn kinds(events: &[Event]) -> Vec<String> {
    let text = |event: &Event| {
        let kind = format!("{:?}", event.kind());
        let kind = kind.split(' ').next().unwrap_or_default().to_owned();
        let component = event.component().unwrap_or_default();
        format!("{kind} {component}").trim_end().to_owned()
    };
    events.iter().map(text).collect()
}

/// Of [`builder`]. `config` has no `stop`.
const LIFE: [&str; 15] = [
    "Starting config",
    "Started config",
    "Starting database",
    "Started database",
    "Starting poll",
    "Started poll",
    "Running",
    "ShutdownBegan",
    "Draining",
    "Stopping poll",
    "Stopped poll",
    "Stopping database",
    "Stopped database",
    "Stopped config",
    "Ended",
];

async fn a_life_from_a_builder() {
    let (observer, seen) = sending();
    let (other, seen_by_other) = sending();
    let running = builder().observer(observer).observer(other);
    let running = running.start().await.expect("it starts");
    assert!(running.stop().await.is_clean());
    // They have been delivered, and the observers dropped: these end.
    let seen: Vec<Event> = seen.iter().collect();
    let seen_by_other: Vec<Event> = seen_by_other.iter().collect();
    assert_eq!(kinds(&seen), LIFE);
    assert_eq!(kinds(&seen_by_other), LIFE);
    assert!(seen.is_sorted_by_key(Event::at));
    let last = seen.last().map(Event::kind);
    assert!(
        matches!(last, Some(EventKind::Ended { exit_code: 0, .. })),
        "{last:?}"
    );
}

#[tokio::test]
async fn a_builder_is_observed_on_one_thread() {
    a_life_from_a_builder().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_builder_is_observed_on_many_threads() {
    a_life_from_a_builder().await;
}

#[tokio::test(start_paused = true)]
async fn a_builder_is_observed_on_a_paused_clock() {
    let before = tokio::time::Instant::now().into_std();
    a_life_from_a_builder().await;
    let (observer, seen) = sending();
    let running = builder().observer(observer).start().await;
    let report = running.expect("it starts").stop().await;
    let after = tokio::time::Instant::now().into_std();
    let seen: Vec<Event> = seen.iter().collect();
    assert!(
        seen.iter()
            .all(|event| (before..=after).contains(&event.at())),
        "they are of that clock"
    );
    let at = |wanted: &str| {
        let kinds = kinds(&seen);
        let place = kinds.iter().position(|kind| kind == wanted);
        seen[place.expect("it happened")].at()
    };
    let took = at("Ended") - at("ShutdownBegan");
    assert!(took.abs_diff(report.shutdown()) < SECOND / 100, "{took:?}");
}

async fn observers_that_misbehave() {
    let (stuck, _release) = stuck();
    let (observer, seen) = sending();
    let running = builder()
        .observer(|_: &Event| panic!("no luck"))
        .observer(stuck)
        .observer(observer)
        .start()
        .await
        .expect("it starts");
    let begun = Instant::now();
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    let took = begun.elapsed();
    assert!((SECOND..10 * SECOND).contains(&took), "{took:?}");
    assert_eq!(kinds(&seen.iter().collect::<Vec<_>>()), LIFE);
}

#[tokio::test]
async fn observers_that_misbehave_change_nothing() {
    observers_that_misbehave().await;
}

#[tokio::test(start_paused = true)]
async fn observers_that_misbehave_change_nothing_on_a_paused_clock() {
    observers_that_misbehave().await;
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_observer_takes_no_time_of_a_paused_clock() {
    let (stuck, _release) = stuck();
    let settings = Settings::default().shutdown_timeout(10 * SECOND);
    let running = Lifecycle::builder()
        .settings(settings)
        .observer(stuck)
        .start()
        .await
        .expect("it starts");
    let begun = tokio::time::Instant::now();
    running.stop().await;
    assert!(begun.elapsed() < SECOND / 10, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_start_that_is_refused_drops_its_observers_uncalled() {
    let (observer, seen) = sending();
    let builder = Lifecycle::builder().disable("nothing").observer(observer);
    let error = builder.start().await.expect_err("it is refused");
    assert!(error.is_config());
    assert_eq!(seen.iter().count(), 0);
}
