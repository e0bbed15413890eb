//! Some worlds, stopped and forced at every step of their driver: no event or timer is a moment at which that may not
//! come.

use super::evidence::{Story, What};
use super::invariants::check;
use super::lead::lead;
use super::random::simulate;
use super::world::{
    Act, Body, Call, Destructor, End, Outside, Ready, Resource, Unit, Worker, World,
};
use super::{generate, random};
use crate::api::background_policy::RestartPolicy;

/// One of everything: hooks that are slow, fail and hang, tasks, workers with and without order, work, main's body.
fn small() -> World {
    let slow = |millis| Call::of(Act::ends(millis, End::Ok));
    let resource = |needs: &[usize], stop| Resource {
        needs: needs.to_vec(),
        starts: vec![slow(10)],
        stop: Some(stop),
        ..Resource::PLAIN
    };
    let worker = |order, run| Worker {
        order,
        runs: vec![run],
        ..Worker::PLAIN
    };
    World {
        lame_duck: 20,
        workers: vec![
            worker(
                None,
                Call {
                    on_stop: Some(Act::ends(5, End::Ok)),
                    ..Call::UNTIL_STOP
                },
            ),
            Worker {
                ready: Ready::Sets(5),
                restart: RestartPolicy::OnFailure,
                ..worker(Some(1), Call::of(Act::ends(40, End::Fail)))
            },
        ],
        body: Some(Body {
            call: Call::UNTIL_STOP,
            tasks: vec![Call::of(Act::NEVER)],
        }),
        units: vec![Unit {
            at: 0,
            length: Some(100),
            more: Some(30),
        }],
        linger: 60,
        ..World::of(vec![
            Resource {
                retries: 1,
                backoff: 10,
                starts: vec![Call::of(Act::ends(5, End::Fail)), slow(10)],
                emergency: Some(false),
                destructor: Destructor::Quick,
                ..resource(&[], slow(10))
            },
            Resource {
                takes_shutdown: true,
                emergency: Some(true),
                tasks: vec![Call::UNTIL_STOP],
                ..resource(&[0], Call::of(Act::ends(3, End::Fail)))
            },
            Resource {
                order: Some(1),
                emergency: Some(false),
                timeout: Some(50),
                ..resource(&[0], Call::of(Act::NEVER))
            },
        ])
    }
}

/// A worker that has ended, of whose tasks one does not end, and which is to run again.
fn ended_with_tasks() -> World {
    World {
        linger: 300,
        workers: vec![Worker {
            restart: RestartPolicy::OnFailure,
            timeout: Some(100),
            runs: vec![Call::of(Act::ends(40, End::Fail)), Call::UNTIL_STOP],
            tasks: vec![Call::UNTIL_STOP, Call::of(Act::NEVER)],
            ..Worker::PLAIN
        }],
        ..World::of(Vec::new())
    }
}

fn checked(world: &World, script: &[(u64, Outside)]) -> Story {
    let story = lead(world, script);
    check(&story);
    story
}

fn assert_forced(story: &Story, step: u64, code: i32) {
    // What threads do may take a step more or less.
    if story.steps > step {
        assert_eq!(story.outcome.exit_code, code, "{:?}", story.script);
    }
}

fn worlds() -> Vec<World> {
    let plain = |end| {
        World::chain(
            3,
            &Resource {
                stop: Some(Call::of(end)),
                emergency: Some(false),
                ..Resource::PLAIN
            },
        )
    };
    vec![
        small(),
        plain(Act::OK),
        plain(Act::NEVER),
        plain(Act::ends(100, End::Panic)),
        ended_with_tasks(),
    ]
}

#[test]
fn a_request_to_stop_at_any_step_stops_the_app() {
    for world in worlds() {
        let steps = checked(&world, &[]).steps;
        assert!(steps > 5);
        for step in 0..steps {
            for first in [
                Outside::Stop,
                Outside::Signal(15),
                Outside::Signal(2),
                Outside::Fail,
            ] {
                let story = checked(&world, &[(step, first)]);
                // What threads do may take a step more or less.
                let sent = story
                    .log
                    .iter()
                    .any(|entry| entry.what == What::Sent(first));
                assert!(
                    sent || story.steps <= step,
                    "nothing was sent at step {step}"
                );
            }
        }
    }
}

#[test]
fn a_signal_that_forces_at_any_step_ends_the_life_at_once() {
    for world in worlds() {
        let steps = checked(&world, &[]).steps;
        for step in 0..steps {
            let story = checked(&world, &[(step, Outside::Forced(2))]);
            assert_forced(&story, step, 130);
        }
    }
}

#[test]
fn a_call_of_exit_at_any_step_ends_the_life_at_once() {
    for world in worlds() {
        let steps = checked(&world, &[]).steps;
        for step in 0..steps {
            for (code, expected) in [(0, 3), (7, 7)] {
                let story = checked(&world, &[(step, Outside::Exited(code))]);
                assert_forced(&story, step, expected);
            }
        }
    }
}

#[test]
fn a_second_signal_at_any_step_after_the_first_ends_the_life_at_once() {
    for world in worlds() {
        let steps = checked(&world, &[]).steps;
        for first in 0..steps {
            let all = checked(&world, &[(first, Outside::Signal(15))]).steps;
            for second in first + 1..all {
                let script = [(first, Outside::Signal(15)), (second, Outside::Forced(15))];
                let story = checked(&world, &script);
                assert_forced(&story, second, 143);
            }
        }
    }
}

#[test]
fn the_invariants_hold_in_random_worlds_that_are_stopped_and_forced_at_every_step() {
    let worlds = random::variable("LIFECYCLE_WORLDS").unwrap_or(2_000) / 200;
    simulate(worlds, |random| {
        let members = random.usize(1..20);
        let world = generate::world_of(random, members);
        let steps = checked(&world, &[]).steps;
        for step in 0..steps {
            checked(&world, &[(step, Outside::Stop)]);
            checked(&world, &[(step, Outside::Forced(15))]);
            let later = random.u64(step..=steps);
            checked(
                &world,
                &[(step, Outside::Signal(15)), (later, Outside::Forced(15))],
            );
        }
    });
}
