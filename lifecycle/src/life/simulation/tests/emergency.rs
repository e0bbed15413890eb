//! Lives that come to their emergency layer.

use super::{all, led, outcome, slow, started_slowly};
use crate::api::cleanup_layer::CleanupLayer;
use crate::life::simulation::evidence::{Stage, What, millis};
use crate::life::simulation::invariants::check;
use crate::life::simulation::lead::lead;
use crate::life::simulation::world::{
    Act, Body, Call, Early, End, Outside, Resource, Worker, World,
};
use crate::life::track::Mark;

/// One with a stop hook, one with an emergency hook, one with none, and one that stops before them and does not end.
fn held_up(timeout: u64) -> World {
    let without = Resource {
        stop: None,
        ..Resource::PLAIN
    };
    World::of(vec![
        Resource::PLAIN,
        Resource {
            emergency: Some(false),
            ..without.clone()
        },
        without,
        Resource {
            needs: vec![0, 1, 2],
            timeout: Some(timeout),
            stop: Some(Call::of(Act::NEVER)),
            ..Resource::PLAIN
        },
    ])
}

#[test]
fn the_report_says_how_far_each_component_was_when_the_emergency_layer_began() {
    let forced = World {
        outside: vec![(100, Outside::Forced(15))],
        linger: 50,
        ..held_up(5_000)
    };
    // It may take all that there is before the reserve.
    let too_late = held_up(30_000);
    for (world, skipped, took) in [
        (forced, "its stop was skipped: forced", 50),
        (too_late, "there was no time to stop it", 18_000),
    ] {
        let story = led(&world);
        for (name, layer, note) in [
            ("r0", CleanupLayer::Timeout, Some(skipped)),
            ("r1", CleanupLayer::Emergency, Some(skipped)),
            ("r2", CleanupLayer::Safe, None),
            ("r3", CleanupLayer::Timeout, Some("its stop was cancelled")),
        ] {
            let outcome = outcome(&story, name);
            assert_eq!(outcome.errors, Vec::from_iter(note), "{name}");
            assert_eq!(outcome.layer, layer, "{name}");
            assert_eq!(outcome.unclean, note.is_some(), "{name}");
            let stopped = if name == "r3" { took } else { 0 };
            assert_eq!(outcome.stopped, Some(millis(stopped)), "{name}");
        }
        let mut ends = story
            .outcome
            .components
            .iter()
            .map(|outcome| &*outcome.name);
        assert_eq!(ends.next_back(), Some("r0"), "those in stop order");
    }
}

#[test]
fn a_worker_that_runs_when_the_emergency_layer_begins_is_reported_once() {
    let world = World {
        workers: vec![Worker {
            timeout: Some(100),
            runs: vec![Call::of(Act::NEVER)],
            ..Worker::PLAIN
        }],
        ..World::of(Vec::new())
    };
    let steps = led(&world).steps;
    let mut notes = Vec::new();
    for step in 0..steps {
        let story = lead(&world, &[(step, Outside::Forced(15))]);
        check(&story);
        let outcome = outcome(&story, "w0");
        let [note] = outcome.errors.as_slice() else {
            assert!(
                outcome.errors.is_empty() && outcome.started.is_none(),
                "{outcome:?}"
            );
            continue;
        };
        let least = if note == "was cancelled" { 0 } else { 100 };
        let took = outcome.stopped.expect("it was up");
        assert!((millis(least)..=millis(100)).contains(&took), "{note}");
        notes.push(note.clone());
    }
    notes.dedup();
    assert_eq!(notes, ["was cancelled", "did not end within 100ms"]);
}

#[test]
fn without_a_reserve_a_forced_end_waits_for_no_hook() {
    let world = World {
        reserve: 0,
        linger: 1_000,
        outside: vec![(100, Outside::Forced(15))],
        ..World::of(vec![Resource {
            emergency: Some(false),
            ..Resource::PLAIN
        }])
    };
    assert_eq!(led(&world).outcome.exit_code, 143);
}

#[test]
fn a_component_whose_emergency_hook_the_watchdog_called_is_not_stopped_and_not_clean() {
    let of = |early, stop| World {
        early_watchdog: Some(early),
        ..World::of(vec![Resource {
            stop: Some(Call::of(stop)),
            emergency: Some(false),
            ..Resource::PLAIN
        }])
    };
    let cases = [
        (Early::Deadline, 3),
        (Early::FirstStop, 3),
        (Early::Signal(15), 143),
    ];
    for (early, code) in cases {
        for stop in [Act::OK, Act::ends(10, End::Fail)] {
            let story = lead(&of(early, stop), &[]);
            assert_eq!(all(&story, What::Emergency), [0]);
            assert!(all(&story, What::Ended(Stage::Stop, stop.end)).is_empty());
            assert_eq!(story.outcome.exit_code, code);
            let mut marks = story.outcome.marks.iter();
            assert_eq!(marks.any(|(mark, _)| *mark == Mark::Forced), code == 143);
            // The hook's thread is a real one: the driver may hear of it before the stop that was refused, or after.
            assert_eq!(story.outcome.components[0].errors.len(), 1);
            assert_eq!(story.outcome.components[0].layer, CleanupLayer::Emergency);
        }
    }
}

#[test]
fn a_watchdog_that_is_faster_than_the_end_of_a_stop_makes_the_life_unclean() {
    let world = World {
        early_watchdog: Some(Early::EndOfStop),
        ..World::of(vec![Resource {
            stop: Some(Call::of(Act::OK)),
            emergency: Some(false),
            ..Resource::PLAIN
        }])
    };
    let story = lead(&world, &[]);
    assert_eq!(all(&story, What::Ended(Stage::Stop, End::Ok)), [0]);
    assert_eq!(all(&story, What::Emergency), [0]);
    assert_eq!(story.outcome.exit_code, 3);
    assert_eq!(story.outcome.components[0].layer, CleanupLayer::Emergency);
}

#[test]
fn a_start_that_ends_when_the_time_is_over_counts_as_up() {
    let resource = Resource {
        takes_shutdown: true,
        start_timeout: 60_000,
        emergency: Some(false),
        // It was there before the driver waited for that instant.
        ..started_slowly(18_100)
    };
    let world = World {
        // All there is before the reserve.
        drain: 18_000,
        outside: vec![(100, Outside::Stop)],
        ..World::of(vec![resource; 3])
    };
    let story = led(&world);
    assert_eq!(all(&story, What::Ended(Stage::Start, End::Ok)).len(), 3);
    assert_eq!(all(&story, What::Emergency).len(), 3);
    for outcome in &story.outcome.components {
        assert_eq!(outcome.errors, ["there was no time to stop it"]);
    }
}

#[test]
fn a_stop_that_ends_when_the_time_is_over_is_clean_and_nothing_is_forced() {
    let world = World::of(vec![Resource {
        timeout: Some(18_000),
        stop: Some(slow(18_000)),
        ..Resource::PLAIN
    }]);
    let story = led(&world);
    assert_eq!(story.outcome.exit_code, 0);
    assert!(all(&story, What::OutOfTime).is_empty());
}

#[test]
fn tasks_are_cancelled_when_the_time_is_over_also_without_hooks() {
    let resource = Resource {
        stop: None,
        tasks: vec![Call::of(Act::NEVER)],
        ..Resource::PLAIN
    };
    let body = Body {
        call: Call::UNTIL_STOP,
        tasks: vec![Call::of(Act::NEVER)],
    };
    let world = World {
        lame_duck: 1_000,
        outside: vec![(100, Outside::Stop), (200, Outside::Forced(15))],
        body: Some(body),
        ..World::of(vec![resource])
    };
    let story = led(&world);
    assert_eq!(outcome(&story, "r0").errors, ["its tasks were cancelled"]);
    assert_eq!(all(&story, What::Aborted(Stage::Task)).len(), 2);
    let body = story.outcome.body.expect("there is something to say of it");
    assert!(body.unclean && body.unfinished_tasks.is_empty(), "{body:?}");
}

#[test]
fn tasks_of_main_have_time_to_be_dropped_when_the_emergency_layer_has_nothing_else_to_do() {
    let world = World {
        // All that there is before the reserve.
        drain: 60_000,
        outside: vec![(100, Outside::Stop)],
        body: Some(Body {
            call: Call::UNTIL_STOP,
            tasks: vec![Call::of(Act::NEVER)],
        }),
        ..World::of(Vec::new())
    };
    let story = led(&world);
    assert_eq!(all(&story, What::Aborted(Stage::Task)).len(), 1);
    let body = story.outcome.body.expect("there is something to say of it");
    assert!(body.unclean && body.unfinished_tasks.is_empty(), "{body:?}");
}
