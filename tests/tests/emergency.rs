//! The third layer, and the deadline that holds whatever user code does.

use std::thread::sleep;
use std::time::Duration;

use lifecycle_tests::program;
use lifecycle_tests::run::{End, Program};

const ANOTHER: Duration = Duration::from_millis(350);

/// Stops the program by the deadline of 2 s, of which one is the reserve.
fn run_into_the_deadline(program: Program) -> End {
    let mut run = program.limits("2s", "1s").start();
    run.until("main");
    let told = run.terminate();
    let end = run.end();
    end.expect_gone(told, Duration::from_secs(2));
    end
}

/// Forces the end of the program by a second signal.
fn force(program: Program) -> (End, Duration) {
    let mut run = program.start();
    run.until("main");
    run.terminate();
    sleep(ANOTHER);
    let forced = run.terminate();
    (run.end(), forced)
}

#[test]
fn a_hook_that_hangs_or_panics_lets_the_others_run() {
    for fault in ["hang", "spin", "panic"] {
        let (end, forced) =
            force(program!("chain").with(&format!("e.stop=hang d.emergency={fault}")));
        end.expect_code(143)
            .expect_names("emergency", "e d c b a")
            .expect_names("emergency ok", "e c b a")
            .expect_gone(forced, Duration::from_millis(750))
            .expect_line(&["d", "emergency"]);
    }
}

#[test]
fn a_hook_that_panics_is_reported_with_its_payload() {
    let mut run = program!("chain")
        .with("c.stop=error c.emergency=panic")
        .start();
    run.until("main");
    run.terminate();
    let end = run.end();
    end.expect_code(3)
        .expect_names("stop", "e d c b a")
        .expect_names("emergency", "c");
    let note = end.row("c").1;
    assert!(
        note.contains("c.stop is broken") && note.contains("c.emergency panics"),
        "{end}"
    );
}

#[test]
fn a_hook_that_hangs_is_given_up_and_the_rest_is_stopped() {
    let mut run = program!("chain")
        .with("c.stop=error c.emergency=hang")
        .limits("5s", "1s")
        .start();
    run.until("main");
    let told = run.terminate();
    let end = run.end();
    end.expect_code(3)
        .expect_names("stop ok", "e d b a")
        .expect_gone(told, Duration::from_secs(5));
    // Its share of the reserve, which b and a may still need.
    let given_up = end
        .at("b.stop")
        .saturating_sub(end.at("c.emergency"))
        .as_millis();
    assert!(
        (250..700).contains(&given_up),
        "given up after {given_up} ms\n{end}"
    );
}

#[test]
fn twelve_of_twenty_hooks_hang_and_all_twenty_are_called() {
    let hanging = [
        "0", "1", "2", "4", "5", "7", "8", "10", "11", "13", "16", "19",
    ];
    let program = program!("emergencies").with(&format!(
        "any.stop=hang hang=hang hanging={}",
        hanging.join(",")
    ));
    let (end, forced) = force(program.limits("20s", "1500ms"));
    end.expect_code(143)
        .expect_gone(forced, Duration::from_millis(1750));
    let mut called: Vec<u32> = end
        .names("emergency")
        .iter()
        .map(|name| name.parse().expect("a number"))
        .collect();
    called.sort_unstable();
    assert_eq!(called, (0..20).collect::<Vec<u32>>(), "{end}");
    assert_eq!(end.count("hang"), hanging.len(), "{end}");
}

#[test]
fn twenty_hooks_in_which_all_is_well_take_no_time() {
    let (end, forced) = force(
        program!("emergencies")
            .with("any.stop=hang")
            .limits("20s", "5s"),
    );
    end.expect_code(143)
        .expect_gone(forced, Duration::from_millis(150));
    assert_eq!(end.names("emergency").len(), 20, "{end}");
}

#[test]
fn the_deadline_holds_when_everything_hangs() {
    let hooks = "a.stop=hang b.stop=hang c.stop=hang d.stop=hang e.stop=hang";
    let hanging =
        "a.emergency=hang b.emergency=hang c.emergency=hang d.emergency=hang e.emergency=hang";
    for program in [program!("chain"), program!("chain_current_thread")] {
        let end = run_into_the_deadline(program.with(hooks).with(hanging));
        end.expect_code(3);
        let mut names = end.names("emergency");
        names.sort_unstable();
        assert_eq!(names, ["a", "b", "c", "d", "e"], "{end}");
    }
}

#[test]
fn the_deadline_holds_when_main_blocks_its_thread() {
    let end = run_into_the_deadline(program!("chain_current_thread").with("main=block"));
    end.expect_code(3)
        .expect_names("emergency", "e d c b a")
        .expect_names("stop ok", "");
}

#[test]
fn a_main_that_blocks_its_thread_keeps_nothing_from_stopping_where_there_are_others() {
    let end = run_into_the_deadline(program!("chain").with("main=block"));
    end.expect_code(3)
        .expect_names("stop ok", "e d c b a")
        .expect_names("emergency", "");
}

#[test]
fn the_deadline_holds_when_main_spins() {
    let end = run_into_the_deadline(program!("chain_current_thread").with("main=spin"));
    end.expect_code(3)
        .expect_names("emergency", "e d c b a")
        .expect_names("stop ok", "");
}

#[test]
fn the_deadline_holds_when_a_hook_blocks_on_a_future_in_place() {
    let end = run_into_the_deadline(program!("chain").with("c.stop=bridge"));
    end.expect_code(3)
        .expect_names("emergency", "c")
        .expect_names("stop ok", "e d b a");
}

#[test]
fn a_blocking_task_that_never_ends_is_left_behind() {
    for program in [program!("chain"), program!("chain_current_thread")] {
        let mut run = program.with("main=leave:1,told").start();
        run.until("main");
        let told = run.terminate();
        run.end()
            .expect_code(0)
            .expect_names("stop ok", "e d c b a")
            .expect_gone(told, Duration::from_millis(850));
    }
}

#[test]
fn blocking_tasks_that_fill_the_pool_hold_up_no_hook_on_a_thread() {
    for program in [program!("odds"), program!("odds_current_thread")] {
        let mut run = program.with("main=leave:512,told").start();
        run.until("main");
        let told = run.terminate();
        let end = run.end();
        end.expect_code(0)
            .expect_order(&["threaded.stop", "threaded.stop ok"])
            .expect_names("emergency", "");
        end.expect_gone(told, Duration::from_secs(2));
    }
}
