//! Fixed worlds whose story is known beforehand: here starts and stops.

mod emergency;
mod workers;

use std::time::Duration;

use super::evidence::{Stage, Story, What, millis};
use super::invariants::check;
use super::lead::lead;
use super::world::{Act, Call, Destructor, End, Outside, Ready, Resource, Worker, World};
use crate::api::background_policy::RestartPolicy;
use crate::api::cleanup_layer::CleanupLayer;
use crate::life::outcome::ComponentOutcome;

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

fn outcome(story: &Story, name: &str) -> ComponentOutcome {
    let mut components = story.outcome.components.iter();
    let found = components.find(|outcome| &*outcome.name == name);
    found.unwrap_or_else(|| panic!("{name} has a line")).clone()
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
