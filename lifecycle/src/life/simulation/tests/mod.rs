//! Fixed worlds whose story is known beforehand.

use std::time::Duration;

use super::evidence::{Stage, Story, What, millis};
use super::invariants::check;
use super::lead::lead;
use super::world::{
    Act, Body, Call, Destructor, Early, End, Every, Outside, Ready, Resource, Worker, World,
};
use crate::api::cleanup_layer::CleanupLayer;
use crate::api::worker::{EndAction, RestartPolicy};
use crate::life::outcome::ComponentOutcome;
use crate::life::track::Mark;

fn slow(time: u64) -> Call {
    Call::of(Act::ends(time, End::Ok))
}

fn started_slowly(time: u64) -> Resource {
    Resource {
        starts: vec![slow(time)],
        ..Resource::PLAIN
    }
}

fn led(world: &World) -> Story {
    let story = lead(world, &[]);
    check(&story);
    story
}

/// The ids of all to which that happened, in that order.
fn all(story: &Story, what: What) -> Vec<usize> {
    let entries = story.log.iter().filter(|entry| entry.what == what);
    entries.map(|entry| entry.id).collect()
}

#[test]
fn independent_starts_overlap() {
    let world = World::of(vec![started_slowly(100); 50]);
    assert_eq!(led(&world).outcome.startup, millis(100));
}

#[test]
fn a_chain_takes_the_sum_of_its_starts() {
    let world = World::chain(20, &started_slowly(100));
    assert_eq!(led(&world).outcome.startup, Duration::from_secs(2));
}

#[test]
fn when_a_start_fails_exactly_those_before_it_are_stopped_in_reverse() {
    for step in 0..20 {
        for end in [
            Act::ends(0, End::Fail),
            Act::ends(100, End::Fail),
            Act::ends(0, End::Panic),
            Act::NEVER,
        ] {
            let mut world = World::chain(20, &Resource::PLAIN);
            world.resources[step].starts = vec![Call::of(end)];
            let story = led(&world);
            assert_eq!(story.outcome.exit_code, 1);
            let root = story.outcome.root.as_deref();
            let expected = format!("`r{step}` did not start");
            assert!(root.is_some_and(|root| root.contains(&expected)));
            let reverse: Vec<usize> = (0..step).rev().collect();
            assert_eq!(all(&story, What::Called(Stage::Stop)), reverse);
        }
    }
}

#[test]
fn a_hanging_stop_leaves_the_others_their_share() {
    let mut world = World::chain(
        5,
        &Resource {
            stop: Some(slow(3_000)),
            ..Resource::PLAIN
        },
    );
    for thread in [false, true] {
        let hangs = Call {
            thread,
            ..Call::of(Act::NEVER)
        };
        world.resources[4].stop = Some(hangs);
        let story = led(&world);
        assert_eq!(story.outcome.exit_code, 3);
        // 18 s before the reserve, shared by five.
        assert_eq!(story.outcome.shutdown, millis(3_600 + 4 * 3_000));
        let components = story.outcome.components.iter();
        assert_eq!(
            components
                .filter(|outcome| outcome.layer == CleanupLayer::Safe)
                .count(),
            4
        );
    }
}

#[test]
fn a_stop_that_fails_gives_its_time_back() {
    let mut world = World::chain(3, &Resource::PLAIN);
    for end in [End::Fail, End::Panic] {
        world.resources[2].stop = Some(Call::of(Act::ends(0, end)));
        world.resources[1].stop = Some(Call::of(Act::NEVER));
        let story = led(&world);
        // Not the 6 s that would have been its share.
        assert_eq!(story.outcome.shutdown, Duration::from_secs(9));
    }
}

#[test]
fn an_instance_that_came_up_too_late_is_not_dropped_by_the_driver() {
    // Its start ends at the very moment at which the emergency layer has begun.
    let world = World {
        outside: vec![(100, Outside::Forced(15))],
        ..World::of(vec![Resource {
            destructor: Destructor::Panic,
            ..started_slowly(100)
        }])
    };
    let story = led(&world);
    assert_eq!(story.outcome.exit_code, 143);
    assert_eq!(all(&story, What::Ended(Stage::Start, End::Ok)), [0]);
}

#[test]
fn two_destructors_that_panic_after_the_life_do_not_end_the_process() {
    let world = World {
        linger: 1_000,
        outside: vec![(100, Outside::Forced(15))],
        ..World::of(vec![
            Resource {
                destructor: Destructor::Panic,
                ..Resource::PLAIN
            };
            3
        ])
    };
    assert_eq!(led(&world).outcome.exit_code, 143);
}

#[test]
fn the_policy_decides_after_a_failure_that_came_before_the_request_to_stop() {
    let goes_on = Call {
        on_stop: Some(Act::ends(100, End::Ok)),
        ..Call::UNTIL_STOP
    };
    let world = World {
        workers: vec![Worker {
            restart: RestartPolicy::OnFailure,
            runs: vec![Call::of(Act::ends(10, End::Fail))],
            tasks: vec![goes_on],
            ..Worker::PLAIN
        }],
        // While its task is awaited.
        linger: 50,
        ..World::of(Vec::new())
    };
    assert_eq!(led(&world).outcome.exit_code, 0);
}

#[test]
fn a_failure_in_reaction_to_the_request_to_stop_counts_although_tasks_outlast_the_time() {
    let fails = Call {
        on_stop: Some(Act::ends(10, End::Fail)),
        ..Call::UNTIL_STOP
    };
    let world = World {
        // All there is before the reserve.
        drain: 18_000,
        workers: vec![Worker {
            runs: vec![fails],
            tasks: vec![Call::of(Act::NEVER)],
            timeout: Some(30_000),
            ..Worker::PLAIN
        }],
        ..World::of(Vec::new())
    };
    let outcome = led(&world).outcome;
    assert_eq!(outcome.exit_code, 1);
    assert!(
        outcome.components[0]
            .errors
            .iter()
            .any(|error| error.contains("an error of"))
    );
}

#[test]
fn tasks_of_a_worker_that_has_ended_take_no_time_from_the_next_group() {
    let worker = |order, run, tasks| Worker {
        order,
        runs: vec![run],
        tasks,
        ..Worker::PLAIN
    };
    let slow_to_stop = Call {
        on_stop: Some(Act::ends(400, End::Ok)),
        ..Call::UNTIL_STOP
    };
    let world = World {
        drain: 1_000,
        linger: 500,
        workers: vec![
            worker(None, slow(400), vec![Call::of(Act::NEVER)]),
            worker(Some(1), slow_to_stop, Vec::new()),
        ],
        ..World::of(Vec::new())
    };
    let story = led(&world);
    // Half of the drain for each group.
    assert_eq!(story.outcome.shutdown, millis(500 + 400));
    let components = story.outcome.components.iter();
    assert_eq!(components.filter(|outcome| outcome.unclean).count(), 1);
}

#[test]
fn main_and_a_worker_can_return_although_other_timeouts_fill_the_drain() {
    let returns = Call {
        on_stop: Some(Act::ends(10, End::Ok)),
        ..Call::UNTIL_STOP
    };
    let worker = |order, timeout| Worker {
        order,
        timeout,
        runs: vec![returns],
        ..Worker::PLAIN
    };
    let world = World {
        drain: 1_000,
        workers: vec![worker(None, None), worker(Some(1), Some(1_000))],
        body: Some(Body {
            call: returns,
            tasks: Vec::new(),
        }),
        ..World::of(Vec::new())
    };
    let story = led(&world);
    assert_eq!(story.outcome.exit_code, 0);
    assert_eq!(story.outcome.shutdown, millis(20));
}

#[test]
fn the_end_of_an_abandoned_run_is_not_taken_for_that_of_the_next() {
    let on_thread = |after, end| Call {
        thread: true,
        ..Call::of(Act::ends(after, end))
    };
    let world = World {
        linger: 160,
        workers: vec![Worker {
            every: Some(Every {
                period: 50,
                immediate: true,
                run_timeout: Some(50),
                max_failures: Some(2),
            }),
            // Abandoned at 50 ms; it fails at 120 ms, while the second one runs from 100 to 140 ms.
            runs: vec![on_thread(120, End::Fail), on_thread(40, End::Ok)],
            ..Worker::PLAIN
        }],
        ..World::of(Vec::new())
    };
    let story = lead(&world, &[]);
    assert_eq!(story.outcome.exit_code, 0);
    assert_eq!(all(&story, What::Called(Stage::Run)).len(), 2);
}

#[test]
fn tasks_of_an_abandoned_thread_are_cancelled_and_have_time_to_be_dropped() {
    let never = Call::of(Act::NEVER);
    let world = World {
        workers: vec![Worker {
            timeout: Some(100),
            runs: vec![Call {
                thread: true,
                ..never
            }],
            tasks: vec![never],
            ..Worker::PLAIN
        }],
        ..World::of(Vec::new())
    };
    let outcome = outcome(&led(&world), "w0");
    assert_eq!(
        outcome.errors,
        [
            "its tasks were cancelled: w0",
            "its thread did not end within 100ms"
        ]
    );
    assert!(outcome.unfinished_tasks.is_empty(), "{outcome:?}");
}

#[test]
fn an_abandoned_start_that_comes_up_late_is_not_taken_for_the_next_attempt() {
    let late = |after| Call {
        thread: true,
        ..slow(after)
    };
    let world = World::of(vec![Resource {
        start_timeout: 100,
        retries: 1,
        backoff: 20,
        // The first one comes up at 150 ms, while the second attempt runs from 120 to 200 ms.
        starts: vec![late(150), late(80)],
        destructor: Destructor::Quick,
        ..Resource::PLAIN
    }]);
    let story = led(&world);
    assert_eq!(story.outcome.startup, millis(200));
    assert_eq!(all(&story, What::Dropped).len(), 2);
}

fn outcome(story: &Story, name: &str) -> ComponentOutcome {
    let mut components = story.outcome.components.iter();
    let found = components.find(|outcome| &*outcome.name == name);
    found.unwrap_or_else(|| panic!("{name} has a line")).clone()
}

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
fn the_root_error_says_what_did_not_start_and_how_often_it_was_tried() {
    let root = |world: World| led(&world).outcome.root.unwrap();
    let fails = Call::of(Act::ends(10, End::Fail));
    let resource = World::of(vec![Resource {
        starts: vec![fails],
        ..Resource::PLAIN
    }]);
    let error = "did not start: an error of the simulation";
    assert_eq!(root(resource), format!("`r0` {error} (after 10ms)"));
    let worker = World {
        workers: vec![Worker {
            ready: Ready::Sets(1_000),
            restart: RestartPolicy::OnFailure,
            max_restarts: 1,
            backoff: 100,
            runs: vec![fails],
            ..Worker::PLAIN
        }],
        ..World::of(Vec::new())
    };
    let again = format!("`w0` {error} (after 120ms, attempt 2)");
    assert_eq!(root(worker), again);
    let mut limited = World {
        startup: 500,
        ..World::chain(3, &Resource::PLAIN)
    };
    limited.resources[1].starts = vec![Call::of(Act::NEVER)];
    let root = root(limited);
    assert!(root.ends_with(": still starting `r1`"), "{root}");
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
fn a_long_chain_without_stop_hooks_needs_no_stack() {
    let plain = Resource {
        stop: None,
        ..Resource::PLAIN
    };
    let story = lead(&World::chain(10_000, &plain), &[]);
    assert_eq!(story.outcome.exit_code, 0);
    assert!(
        story
            .outcome
            .components
            .iter()
            .all(|outcome| outcome.stopped.is_some())
    );
}

#[test]
fn no_limit_is_no_overflow() {
    let world = World {
        shutdown: u64::MAX,
        drain: u64::MAX,
        startup: u64::MAX,
        ..World::chain(3, &Resource::PLAIN)
    };
    assert_eq!(lead(&world, &[]).outcome.exit_code, 0);
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

#[test]
fn a_worker_that_failed_by_itself_has_failed_although_its_tasks_outlast_the_time() {
    let of = |on_failure| World {
        drain: 18_000,
        // While its task is awaited.
        linger: 50,
        workers: vec![Worker {
            runs: vec![Call::of(Act::ends(10, End::Fail))],
            tasks: vec![Call::of(Act::NEVER)],
            timeout: Some(30_000),
            on_failure,
            ..Worker::PLAIN
        }],
        ..World::of(Vec::new())
    };
    for (on_failure, code) in [(EndAction::Shutdown, 1), (EndAction::Ignore, 3)] {
        let outcome = led(&of(on_failure)).outcome;
        assert_eq!(outcome.exit_code, code);
        let errors = &outcome.components[0].errors;
        assert!(
            errors.iter().any(|error| error.contains("an error of")),
            "{errors:?}"
        );
    }
}
