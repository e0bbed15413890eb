//! What SIGTERM, SIGINT and SIGHUP do, at each moment of a life.

use std::thread::sleep;
use std::time::Duration;

use lifecycle_tests::program;
use lifecycle_tests::random::Random;
use lifecycle_tests::run::{End, Program, Run, Signal};

/// Those of the first signal are over: the next one counts as another.
const ANOTHER: Duration = Duration::from_millis(350);

fn flavours() -> [fn() -> Program; 2] {
    [|| program!("chain"), || program!("chain_current_thread")]
}

fn up(program: Program) -> Run {
    let mut run = program.start();
    run.until("main");
    run
}

#[test]
fn the_first_signal_stops_everything_in_reverse() {
    for flavour in flavours() {
        for signal in [Signal::TERM, Signal::INT] {
            let mut run = up(flavour());
            run.signal(signal);
            run.end()
                .expect_code(0)
                .expect_order(&[
                    "main told",
                    "main ok",
                    "e.stop",
                    "e.stop ok",
                    "d.stop",
                    "c.stop",
                    "b.stop",
                    "a.stop",
                    "a.stop ok",
                ])
                .expect_names("emergency", "");
        }
    }
}

#[test]
fn a_signal_during_startup_rolls_back() {
    for flavour in flavours() {
        let mut run = flavour().with("c.start=hang").start();
        run.until("c.start");
        run.terminate();
        run.end()
            .expect_code(0)
            .expect_order(&[
                "a.start ok",
                "b.start ok",
                "c.start",
                "c.start dropped",
                "b.stop",
                "b.stop ok",
                "a.stop",
                "a.stop ok",
            ])
            .expect_names("stop", "b a")
            .expect_names("emergency", "")
            .expect_none("main");
    }
}

#[test]
fn a_signal_during_a_start_that_blocks_its_thread_stops_by_the_deadline() {
    for flavour in flavours() {
        let mut run = flavour()
            .with("c.start=block")
            .limits("1s", "300ms")
            .start();
        run.until("c.start");
        let told = run.terminate();
        let end = run.end();
        end.expect_code(3)
            .expect_gone(told, Duration::from_secs(1))
            .expect_none("c.stop")
            .expect_none("c.emergency");
    }
}

#[test]
fn a_signal_before_anything_has_started_has_its_default_effect() {
    let mut run = program!("chain").with("init=hang").start();
    run.until("init");
    run.terminate();
    let end = run.end();
    assert_eq!(end.signal, Some(15), "{end}");
    end.expect_names("start", "");
}

/// Forces the end of what the arguments keep from ending; returns it with the time from the signal to the last hook.
fn force(program: Program, at: &str, first: Signal, second: Signal) -> (End, Duration) {
    let mut run = program.start();
    run.until(at);
    run.signal(first);
    sleep(ANOTHER);
    let forced = run.signal(second);
    let end = run.end();
    let hooks = end
        .evidence
        .iter()
        .filter(|line| line.what.ends_with(".emergency"));
    let took = hooks
        .map(|line| line.at)
        .max()
        .unwrap_or_default()
        .saturating_sub(forced);
    (end, took)
}

/// The best of up to ten runs: the machine may have other things to do.
fn expect_fast(what: &str, run: impl Fn() -> Duration) {
    let mut best = Duration::MAX;
    for _ in 0..10 {
        best = best.min(run());
        if best <= Duration::from_millis(10) {
            eprintln!("{what}: emergency hooks after {best:?}");
            return;
        }
    }
    panic!("{what}: at best, emergency hooks ran after {best:?}");
}

#[test]
fn a_second_signal_while_stopping_runs_the_emergency_hooks_within_10_ms() {
    for flavour in flavours() {
        for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
            let run = || {
                let (end, took) =
                    force(flavour().with("e.stop=hang"), "main", Signal::TERM, signal);
                end.expect_code(code)
                    .expect_names("stop", "e")
                    .expect_names("emergency", "e d c b a")
                    .expect_gone(end.at("a.emergency"), Duration::from_millis(250))
                    .expect_line(&["e", "emergency", "cut"]);
                took
            };
            expect_fast("while stopping", run);
        }
    }
}

#[test]
fn a_second_signal_while_a_hook_blocks_every_thread_does_the_same() {
    let block = "e.stop=block";
    let run = || {
        let (end, took) = force(
            program!("chain_current_thread").with(block),
            "main",
            Signal::INT,
            Signal::INT,
        );
        end.expect_code(130).expect_names("emergency", "e d c b a");
        took
    };
    expect_fast("with the runtime blocked", run);
}

#[test]
fn a_second_signal_during_startup_runs_the_emergency_hooks_of_what_is_up() {
    for (arguments, flavour) in [
        ("c.start=block", flavours()[0]),
        ("c.start=block", flavours()[1]),
        ("c.start=hang b.stop=hang", flavours()[0]),
        ("c.start=hang b.stop=hang", flavours()[1]),
    ] {
        let run = || {
            let (end, took) = force(
                flavour().with(arguments),
                "c.start",
                Signal::TERM,
                Signal::TERM,
            );
            end.expect_code(143)
                .expect_names("emergency", "b a")
                .expect_none("c.stop");
            took
        };
        expect_fast(arguments, run);
    }
}

#[test]
fn a_third_signal_ends_the_process_on_the_spot() {
    for flavour in flavours() {
        let mut run = up(flavour()
            .with("e.stop=hang e.emergency=hang")
            .limits("30s", "15s"));
        run.terminate();
        sleep(ANOTHER);
        run.signal(Signal::INT);
        run.until("e.emergency");
        let third = run.terminate();
        let end = run.end();
        end.expect_code(143).expect_gone(third, Duration::ZERO);
    }
}

#[test]
fn signals_within_300_ms_count_as_one() {
    for flavour in flavours() {
        for second in [Signal::TERM, Signal::INT] {
            let mut run = up(flavour().with("e.stop=slow:400"));
            let first = run.signal(Signal::INT);
            run.until("e.stop");
            let again = run.signal(second);
            // On a machine that took longer than that they are two.
            if again - first < Duration::from_millis(200) {
                run.end()
                    .expect_code(0)
                    .expect_names("stop", "e d c b a")
                    .expect_names("emergency", "");
            }
        }
    }
}

#[test]
fn many_signals_at_once_are_one_teardown() {
    let mut run = up(program!("chain").with("e.stop=slow:50"));
    let first = run.terminate();
    let mut last = first;
    for _ in 0..200 {
        last = run.signal(Signal::HUP);
        run.signal(Signal::TERM);
    }
    let end = run.end();
    if last - first < Duration::from_millis(200) {
        end.expect_code(0).expect_names("stop", "e d c b a");
    }
}

#[test]
fn a_signal_at_any_instant_of_startup_rolls_back_what_is_up() {
    let mut random = Random::new();
    let slow = "a.start=slow:10 b.start=slow:10 c.start=slow:10 d.start=slow:10 e.start=slow:10";
    for round in 0..40 {
        let mut run = flavours()[round % 2]().with(slow).start();
        run.until("init");
        let pause = random.below(60_000);
        sleep(Duration::from_micros(pause));
        run.terminate();
        let end = run.end();
        if end.signal.is_some() {
            assert_eq!(end.signal, Some(15), "{end}");
            end.expect_names("start", "");
            continue;
        }
        let reversed: Vec<&str> = end.names("start ok").into_iter().rev().collect();
        end.expect_code(0)
            .expect_names("stop", &reversed.join(" "))
            .expect_names("stop ok", &reversed.join(" "))
            .expect_names("emergency", "");
    }
}
