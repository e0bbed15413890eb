//! Tracked tasks: told, awaited, cancelled, named; and that no teardown waits for itself.

use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program};
use lifecycle_tests::program;

fn flavours() -> [fn() -> Program; 2] {
    [
        || program!("workers"),
        || program!("workers_current_thread"),
    ]
}

/// Stops the program once that has happened.
fn stop_after(program: Program, seen: &[&str]) -> (End, Duration) {
    let mut run = program.start();
    run.until("main");
    seen.iter().for_each(|what| {
        run.until(what);
    });
    let told = run.terminate();
    (run.end(), told)
}

#[test]
fn a_task_of_a_worker_is_told_and_awaited() {
    for flavour in flavours() {
        let (end, _) = stop_after(
            flavour().with("only=tasked polite=told,slow:200"),
            &["polite"],
        );
        end.expect_code(0)
            .expect_order(&["polite told", "polite ok", "base.stop"])
            .expect_order(&["tasked ok", "polite ok"]);
    }
}

#[test]
fn a_task_that_is_told_and_does_not_end_is_cancelled() {
    for flavour in flavours() {
        unless_late(|| {
            let (end, told) =
                stop_after(flavour().with("only=tasked stubborn=hang"), &["stubborn"]);
            end.expect_code(3)
                .expect_order(&["tasked ok", "stubborn dropped", "base.stop"]);
            let (layer, note) = end.row("tasked");
            assert!(layer == "timeout" && note.contains("stubborn"), "{end}");
            end.expect_after(told, "stubborn dropped", 450..900);
        });
    }
}

/// Tasks of each kind of scope, with its line in the report.
const SCOPES: [(&str, &str, &str); 3] = [
    ("only=tasked", "resistant", "tasked"),
    ("", "owner.task", "owner"),
    ("", "main.task", "main"),
];

/// Stops the program while that task does not do what it is told, within 3 s.
fn stop_despite(program: Program, arguments: &str, task: &str, fault: &str) -> End {
    let program = program.with(arguments).with(&format!("{task}={fault}"));
    let mut run = program.limits("3s", "500ms").start();
    run.until(task);
    let told = run.terminate();
    let end = run.end();
    end.expect_code(3)
        .expect_gone(told, Duration::from_secs(3))
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
            // It has taken the only thread.
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
        for flavour in flavours() {
            unless_late(|| {
                let end = stop_despite(flavour(), arguments, task, "hang");
                end.expect_once(&format!("{task} dropped"))
                    .expect_names("stop ok", "owner base")
                    .expect_names("emergency", "");
                assert!(end.row(row).1.contains(task), "{end}");
            });
        }
    }
}

#[test]
fn tasks_of_a_resource_are_told_as_its_stop_begins_and_awaited_after_it() {
    for flavour in flavours() {
        let (end, _) = stop_after(flavour().with("owner.task=told,slow:200"), &["owner.task"]);
        end.expect_code(0)
            .expect_order(&["main ok", "owner.task told", "owner.task ok", "base.stop"])
            .expect_order(&["owner.stop ok", "owner.task ok"]);
    }
}

#[test]
fn tasks_of_a_resource_that_do_not_end_are_cancelled_within_its_time() {
    for flavour in flavours() {
        unless_late(|| {
            let program = flavour()
                .with("owner.task=hang")
                .env("LIFECYCLE_TIMEOUT_OWNER", "400ms");
            let (end, _) = stop_after(program, &["owner.task"]);
            end.expect_code(3)
                .expect_order(&["owner.stop ok", "owner.task dropped", "base.stop"]);
            let (layer, note) = end.row("owner");
            assert!(layer == "timeout" && note.contains("owner.task"), "{end}");
            end.expect_after(end.at("owner.stop"), "owner.task dropped", 350..700);
        });
    }
}

#[test]
fn tasks_of_main_are_told_and_awaited_before_any_resource_stops() {
    for flavour in flavours() {
        let (end, _) = stop_after(flavour().with("main.task=told,slow:200"), &["main.task"]);
        end.expect_code(0)
            .expect_order(&["main ok", "main.task ok", "owner.stop", "base.stop"]);
    }
}

#[test]
fn a_task_of_main_that_does_not_end_is_cancelled_with_the_drain() {
    for flavour in flavours() {
        unless_late(|| {
            let (end, _) = stop_after(flavour().with("main.task=hang"), &["main.task"]);
            end.expect_code(3)
                .expect_order(&["main ok", "main.task dropped", "owner.stop"])
                .expect_line(&["main.task"]);
        });
    }
}

#[test]
fn a_task_that_panics_is_reported_and_takes_nothing_down() {
    for flavour in flavours() {
        let mut run = flavour().with("only=tasked polite=panic").start();
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
fn to_ask_for_the_stop_and_wait_for_it_returns_at_once_wherever_that_is() {
    for flavour in flavours() {
        for arguments in [
            "only=steady steady=request,told",
            "only=threaded threaded=request,told",
            "only=tasked polite=request,told",
            "owner.task=request,told main=told",
            "main=request,told",
            "main.task=request,told",
            "only=low low=request,told",
        ] {
            let end = flavour().with(arguments).run();
            end.expect_code(0)
                .expect_names("stop ok", "owner base")
                .expect_names("emergency", "");
            assert!(end.took < Duration::from_secs(3), "{end}");
        }
    }
}

#[test]
fn to_ask_for_the_stop_and_wait_for_it_within_a_stop_hook_returns_at_once() {
    for flavour in flavours() {
        let (end, told) = stop_after(flavour().with("owner.stop=request,told"), &[]);
        end.expect_code(0)
            .expect_order(&["owner.stop told", "owner.stop ok", "base.stop"]);
        end.expect_gone(told, Duration::from_secs(2));
    }
}
