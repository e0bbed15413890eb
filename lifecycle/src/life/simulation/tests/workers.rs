//! Workers and main: how they end, and what their ends mean.

use super::{all, led, outcome, slow};
use crate::api::background_policy::{EndAction, RestartPolicy};
use crate::life::simulation::evidence::{Stage, What, millis};
use crate::life::simulation::lead::lead;
use crate::life::simulation::world::{Act, Body, Call, End, Every, Worker, World};

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
