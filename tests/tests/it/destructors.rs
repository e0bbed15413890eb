//! Destructors of user values: resources, futures, tasks, errors and panics.

use std::thread;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::harness::{End, Program};
use lifecycle_tests::{flavors, program};

const LIMIT: Duration = Duration::from_secs(3);

/// A destructor: the value, the further arguments it needs, its thread, and where the report names it.
struct Place {
    value: &'static str,
    arguments: &'static str,
    runs_on: Thread,
    row: &'static str,
}

#[derive(PartialEq)]
enum Thread {
    /// A thread of the runtime: without another one, no async hook can run any more.
    Runtime,
    /// A thread of the framework.
    Own,
}

const PLACES: [Place; 9] = [
    Place {
        value: "owner.drop",
        arguments: "",
        runs_on: Thread::Own,
        row: "owner",
    },
    Place {
        value: "stop.drop",
        arguments: "",
        runs_on: Thread::Runtime,
        row: "owner",
    },
    Place {
        value: "error.drop",
        arguments: "",
        runs_on: Thread::Runtime,
        row: "owner",
    },
    Place {
        value: "payload.drop",
        arguments: "",
        runs_on: Thread::Runtime,
        row: "owner",
    },
    Place {
        value: "last.drop",
        arguments: "owner.stop=error",
        runs_on: Thread::Own,
        row: "owner",
    },
    Place {
        value: "worker.drop",
        arguments: "",
        runs_on: Thread::Runtime,
        row: "worker",
    },
    Place {
        value: "task.drop",
        arguments: "",
        runs_on: Thread::Runtime,
        row: "owner",
    },
    Place {
        value: "main.drop",
        arguments: "",
        runs_on: Thread::Runtime,
        row: "main",
    },
    // It runs when the runtime is dropped.
    Place {
        value: "stray.drop",
        arguments: "",
        runs_on: Thread::Own,
        row: "",
    },
];

fn stop(program: Program, place: &Place, fault: &str) -> End {
    let Place {
        value, arguments, ..
    } = place;
    let mut run = program
        .with(&format!("{value}={fault}"))
        .with(arguments)
        .up();
    run.until("task");
    run.until("worker");
    let asked = run.terminate();
    let end = run.end();
    end.expect_once(value).expect_gone(asked, LIMIT);
    end
}

/// The report names the component; for a task of the component, where it panicked.
fn expect_named(end: &End, place: &Place, what: &str) {
    let is_named = end
        .stderr
        .lines()
        .any(|line| line.contains(place.row) && line.contains(what));
    assert!(
        is_named,
        "`{}`: nothing says `{what}` of `{}`\n{end}",
        place.value, place.row
    );
}

#[test]
fn a9_a_destructor_that_panics_is_caught() {
    for flavor in flavors!("destructors") {
        for place in &PLACES {
            let end = stop(flavor(), place, "panic");
            end.expect_once(&format!("{} panicked", place.value))
                .expect_names("stop", "owner base")
                .expect_once("base.stop ok")
                .expect_none("base.emergency");
            let code = match place.value {
                // These components failed.
                "main.drop" | "worker.drop" => 1,
                // A panic in a value of a component is reported.
                "task.drop" | "stray.drop" => 0,
                _ => 3,
            };
            end.expect_code(code);
            match place.value {
                "stray.drop" => {}
                // The payload of such a panic has no message.
                "payload.drop" | "last.drop" => expect_named(&end, place, "panicked"),
                value => expect_named(&end, place, &format!("{value} panics")),
            }
        }
    }
}

#[test]
fn a9_a_destructor_that_hangs_is_abandoned() {
    let hang = |place: &Place, program: Program, has_others: bool| {
        let end = stop(program, place, "hang");
        if place.value == "stray.drop" {
            end.expect_code(0)
                .expect_line(&["the runtime was abandoned"]);
        } else {
            end.expect_code(3);
            expect_named(&end, place, "did not end");
        }
        if has_others || place.runs_on == Thread::Own {
            end.expect_once("base.stop ok")
                .expect_none("base.emergency");
        } else {
            end.expect_none("base.stop")
                .expect_names("emergency ok", "owner base");
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for place in &PLACES {
                unless_late(|| hang(place, program!("destructors"), true));
            }
        });
        for place in &PLACES {
            unless_late(|| hang(place, program!("destructors_current_thread"), false));
        }
    });
}

#[test]
fn a9_a_destructor_that_panics_or_hangs_at_the_end_of_a_start() {
    for (fault, error) in [
        ("panic", "start.drop panics"),
        // Also the value that no component owns.
        ("panic owner.drop=panic", "start.drop panics"),
        ("hang", "within 200ms"),
    ] {
        for (program, has_others) in [
            (program!("destructors"), true),
            (program!("destructors_current_thread"), false),
        ] {
            let program = program.with(&format!("start.drop={fault}"));
            // Only a component that is to time out has a short timeout.
            let limit = if fault == "hang" { "200ms" } else { "2s" };
            let program = program.env("LIFECYCLE_START_TIMEOUT_OWNER", limit);
            let began = now();
            let end = program.run();
            end.expect_code(1)
                .expect_line(&["`owner` did not start", error])
                .expect_none("owner.stop")
                .expect_none("owner.emergency")
                .expect_none("main")
                .expect_gone(began, LIMIT + Duration::from_millis(250));
            if has_others || fault != "hang" {
                end.expect_once("base.stop ok");
            } else {
                end.expect_once("base.emergency ok");
            }
        }
    }
}

#[test]
fn a9_a_writer_whose_destructor_panics_or_hangs() {
    for (fault, at_most) in [("panic", 500), ("hang", 2000)] {
        let program = program!("chain").with(&format!("writer={fault}"));
        let mut run = program.limits("2s", "500ms").up();
        let asked = run.terminate();
        run.end()
            .expect_code(0)
            .expect_once("writer")
            .expect_names("stop ok", "e d c b a")
            .expect_gone(asked, Duration::from_millis(at_most));
    }
}
