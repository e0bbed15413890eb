//! Tracked tasks: asked to stop, awaited, cancelled, named; and stops that would wait for themselves.

use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program};
use lifecycle_tests::{flavors, program};

#[test]
fn a_task_of_a_worker_is_asked_to_stop_and_awaited() {
    for flavor in flavors!("workers") {
        let (end, _) = flavor()
            .with("only=tasked polite=asked,slow:200")
            .stop_after(&["main", "polite"]);
        end.expect_code(0)
            .expect_order(&["polite asked", "polite ok", "base.stop"])
            .expect_order(&["tasked ok", "polite ok"]);
    }
}

#[test]
fn a_task_that_does_not_end_is_cancelled() {
    for flavor in flavors!("workers") {
        unless_late(|| {
            let (end, asked) = flavor()
                .with("only=tasked stubborn=hang")
                .stop_after(&["main", "stubborn"]);
            end.expect_code(3)
                .expect_order(&["tasked ok", "stubborn dropped", "base.stop"]);
            let (layer, note) = end.row("tasked");
            assert!(layer == "timeout" && note.contains("stubborn"), "{end}");
            end.expect_after(asked, "stubborn dropped", 450..900);
        });
    }
}

/// Tasks of each kind of scope, with their lines in the report.
const SCOPES: [(&str, &str, &str); 3] = [
    ("only=tasked", "resistant", "tasked"),
    ("", "owner.task", "owner"),
    ("", "main.task", "main"),
];

/// Stops the program while that task ignores the request, within 3 s.
fn stop_despite(program: Program, arguments: &str, task: &str, fault: &str) -> End {
    let program = program.with(arguments).with(&format!("{task}={fault}"));
    let mut run = program.limits("3s", "500ms").start();
    run.until(task);
    let asked = run.terminate();
    let end = run.end();
    end.expect_code(3)
        .expect_gone(asked, Duration::from_secs(3))
        .expect_none(&format!("{task} ok"));
    end
}

#[test]
fn a16_a_task_that_never_yields_is_named() {
    for (arguments, task, row) in SCOPES {
        unless_late(|| {
            let end = stop_despite(program!("workers"), arguments, task, "spin");
            end.expect_names("stop ok", "owner base")
                .expect_names("emergency", "");
            let note = end.row(row).1;
            assert!(
                note.contains("tasks that did not end") && note.contains(task),
                "{end}"
            );
            // The task occupies the only thread.
            let program = program!("workers_current_thread");
            let end = stop_despite(program, arguments, task, "spin");
            end.expect_names("stop ok", "")
                .expect_names("emergency ok", "owner base");
            assert!(end.row(row).1.contains(task), "{end}");
        });
    }
}

#[test]
fn a16_a_task_that_ignores_its_token_is_named() {
    for (arguments, task, row) in SCOPES {
        for flavor in flavors!("workers") {
            unless_late(|| {
                let end = stop_despite(flavor(), arguments, task, "hang");
                end.expect_once(&format!("{task} dropped"))
                    .expect_names("stop ok", "owner base")
                    .expect_names("emergency", "");
                assert!(end.row(row).1.contains(task), "{end}");
            });
        }
    }
}

#[test]
fn tasks_of_a_resource_are_asked_when_its_stop_begins_and_awaited_after_it() {
    for flavor in flavors!("workers") {
        let (end, _) = flavor()
            .with("owner.task=asked,slow:200")
            .stop_after(&["main", "owner.task"]);
        end.expect_code(0)
            .expect_order(&["main ok", "owner.task asked", "owner.task ok", "base.stop"])
            .expect_order(&["owner.stop ok", "owner.task ok"]);
    }
}

#[test]
fn tasks_of_a_resource_that_do_not_end_are_cancelled_within_its_time() {
    for flavor in flavors!("workers") {
        unless_late(|| {
            let program = flavor()
                .with("owner.task=hang")
                .env("LIFECYCLE_TIMEOUT_OWNER", "400ms");
            let (end, _) = program.stop_after(&["main", "owner.task"]);
            end.expect_code(3)
                .expect_order(&["owner.stop ok", "owner.task dropped", "base.stop"]);
            let (layer, note) = end.row("owner");
            assert!(layer == "timeout" && note.contains("owner.task"), "{end}");
            end.expect_after(end.at("owner.stop"), "owner.task dropped", 350..700);
        });
    }
}

#[test]
fn tasks_of_main_are_awaited_before_any_resource_stops() {
    for flavor in flavors!("workers") {
        let (end, _) = flavor()
            .with("main.task=asked,slow:200")
            .stop_after(&["main", "main.task"]);
        end.expect_code(0)
            .expect_order(&["main ok", "main.task ok", "owner.stop", "base.stop"]);
    }
}

#[test]
fn a_task_of_main_that_does_not_end_is_cancelled_with_the_drain() {
    for flavor in flavors!("workers") {
        unless_late(|| {
            let (end, _) = flavor()
                .with("main.task=hang")
                .stop_after(&["main", "main.task"]);
            end.expect_code(3)
                .expect_order(&["main ok", "main.task dropped", "owner.stop"])
                .expect_line(&["main.task"]);
        });
    }
}

#[test]
fn a_task_that_panics_is_reported_and_the_app_goes_on() {
    for flavor in flavors!("workers") {
        let mut run = flavor().with("only=tasked polite=panic").start();
        run.until("polite panicked");
        run.until("main");
        run.terminate();
        run.end()
            .expect_code(0)
            .expect_line(&["tasked", "polite", "polite panics"])
            .expect_names("stop", "owner base");
    }
}

#[test]
fn requesting_and_awaiting_the_stop_returns_at_once_in_any_task() {
    for flavor in flavors!("workers") {
        for arguments in [
            "only=steady steady=request,asked",
            "only=threaded threaded=request,asked",
            "only=tasked polite=request,asked",
            "owner.task=request,asked main=asked",
            "main=request,asked",
            "main.task=request,asked",
            "only=low low=request,asked",
        ] {
            let end = flavor().with(arguments).run();
            end.expect_code(0)
                .expect_names("stop ok", "owner base")
                .expect_names("emergency", "");
            assert!(end.took < Duration::from_secs(3), "{end}");
        }
    }
}

#[test]
fn requesting_and_awaiting_the_stop_returns_at_once_in_a_stop_hook() {
    for flavor in flavors!("workers") {
        let (end, asked) = flavor()
            .with("owner.stop=request,asked")
            .stop_after(&["main"]);
        end.expect_code(0)
            .expect_order(&["owner.stop asked", "owner.stop ok", "base.stop"]);
        end.expect_gone(asked, Duration::from_secs(2));
    }
}
