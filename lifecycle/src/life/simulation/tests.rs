//! Fixed worlds whose story is known beforehand.

use std::time::Duration;

use super::evidence::{Stage, Story, What, millis};
use super::invariants::check;
use super::lead::lead;
use super::world::{Act, Body, Call, Destructor, End, Outside, Resource, Worker, World};
use crate::background::Restart;
use crate::life::outcome::Layer;

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
        let fates = story.outcome.fates.iter();
        assert_eq!(fates.filter(|fate| fate.layer == Layer::Safe).count(), 4);
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
fn a_worker_that_failed_before_it_was_told_is_up_to_its_policy() {
    let goes_on = Call {
        told: Some(Act::ends(100, End::Ok)),
        ..Call::UNTIL_TOLD
    };
    let world = World {
        workers: vec![Worker {
            restart: Restart::OnFailure,
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
fn a_worker_that_failed_when_told_has_failed_also_where_the_time_is_over_before_its_tasks_end() {
    let fails = Call {
        told: Some(Act::ends(10, End::Fail)),
        ..Call::UNTIL_TOLD
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
        outcome.fates[0]
            .errors
            .iter()
            .any(|error| error.contains("an error of"))
    );
}

#[test]
fn tasks_of_a_worker_that_has_ended_take_nothing_of_the_next_group() {
    let worker = |order, run, tasks| Worker {
        order,
        runs: vec![run],
        tasks,
        ..Worker::PLAIN
    };
    let slow_to_stop = Call {
        told: Some(Act::ends(400, End::Ok)),
        ..Call::UNTIL_TOLD
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
    let fates = story.outcome.fates.iter();
    assert_eq!(fates.filter(|fate| fate.unclean).count(), 1);
}

#[test]
fn where_the_timeouts_of_others_fill_the_drain_main_and_a_worker_still_have_the_time_to_return() {
    let returns = Call {
        told: Some(Act::ends(10, End::Ok)),
        ..Call::UNTIL_TOLD
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
            .fates
            .iter()
            .all(|fate| fate.stopped.is_some())
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
