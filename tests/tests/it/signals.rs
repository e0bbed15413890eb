//! What SIGTERM, SIGINT and SIGHUP do, at each moment of a life.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::harness::{End, Program, Run, Signal};
use lifecycle_tests::random::{rng, runs};
use lifecycle_tests::{flavors, program};

const DETACHED: &str = env!("CARGO_BIN_EXE_detached");

#[test]
fn the_first_signal_stops_everything_in_reverse() {
    for flavor in flavors!("chain") {
        for signal in [Signal::TERM, Signal::INT] {
            let mut run = flavor().up();
            run.signal(signal);
            run.end()
                .expect_code(0)
                .expect_order(&[
                    "main asked",
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
    for flavor in flavors!("chain") {
        let mut run = flavor().with("c.start=hang").start();
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
    for flavor in flavors!("chain") {
        let mut run = flavor().with("c.start=block").limits("1s", "300ms").start();
        run.until("c.start");
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(3)
            .expect_gone(asked, Duration::from_secs(1))
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

/// Hooks under way have more time than any machine needs.
fn patient(program: Program) -> Program {
    program.env("LIFECYCLE_DRAIN_TIMEOUT", "5s")
}

/// A second signal, to be sent after that evidence.
struct Second {
    program: fn() -> Program,
    arguments: &'static str,
    at: &'static str,
    signals: (Signal, Signal),
    emergencies: &'static str,
}

/// Each flavor of the runtime with each second signal.
fn second_signals(
    at: &'static str,
    emergencies: &'static str,
    arguments: &[&'static str],
) -> Vec<Second> {
    let mut cases = Vec::new();
    for arguments in arguments {
        for program in flavors!("chain") {
            for second in [Signal::TERM, Signal::INT] {
                cases.push(Second {
                    program,
                    arguments,
                    at,
                    signals: (Signal::TERM, second),
                    emergencies,
                });
            }
        }
    }
    cases
}

impl Second {
    /// Forces the end, and checks it. Returns the time from the signal to the first emergency hook.
    fn force(&self) -> Duration {
        let program = (self.program)().with(self.arguments);
        let mut run = patient(program).limits("20s", "5s").start();
        run.until(self.at);
        run.signal(self.signals.0);
        let forced = run.another(self.signals.1);
        let end = run.end();
        let (first, last) = (
            self.emergencies.split(' ').next().unwrap_or_default(),
            self.emergencies.split(' ').next_back().unwrap_or_default(),
        );
        let code = if self.signals.1 == Signal::INT {
            130
        } else {
            143
        };
        end.expect_code(code)
            .expect_names("emergency ok", self.emergencies)
            .expect_line(&["forced by"])
            .expect_gone(
                end.at(&format!("{last}.emergency")),
                Duration::from_millis(250),
            );
        let (layer, note) = end.row(first);
        assert!(layer == "emergency" && !note.is_empty(), "{end}");
        end.at(&format!("{first}.emergency")).saturating_sub(forced)
    }
}

/// How soon the emergency hooks begin, over `RUNS` runs of these cases in turn, two at a time. At least one run must be
/// within 10 ms, since this machine may be busy. From 1,000 runs on, 99 of 100 must be, which needs an idle machine, or
/// `chrt -f 1`.
fn expect_fast(what: &str, cases: &[Second]) {
    let runs = runs(20);
    let case = |run: usize| unless_late(|| cases[run % cases.len()].force());
    let mut times: Vec<Duration> = side_by_side(runs, case);
    times.sort_unstable();
    let (best, median, max) = (times[0], times[runs / 2], times[runs - 1]);
    let p99 = times[(runs * 99).div_ceil(100) - 1];
    eprintln!(
        "{what}: emergency hooks begin after {median:?} (median), {p99:?} (p99), {max:?} (max of {runs})"
    );
    assert!(
        best <= Duration::from_millis(10),
        "{what}: at best, after {best:?}"
    );
    assert!(
        runs < 1000 || p99 <= Duration::from_millis(10),
        "{what}: p99 is {p99:?}"
    );
}

/// A number of runs, two at a time.
fn side_by_side<T: Send>(runs: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let turns = || {
        let mut results = Vec::new();
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= runs {
                return results;
            }
            results.push(run(turn));
        }
    };
    scope(|scope| {
        let other = scope.spawn(turns);
        let mut results = turns();
        match other.join() {
            Ok(others) => results.extend(others),
            Err(panic) => resume_unwind(panic),
        }
        results
    })
}

#[test]
fn c2_a_second_signal_during_shutdown_begins_the_emergency_hooks_within_10_ms() {
    let arguments = ["e.stop=hang", "e.stop=block"];
    expect_fast(
        "while stopping",
        &second_signals("main", "e d c b a", &arguments),
    );
}

#[test]
fn c2_a_second_signal_in_startup_begins_the_emergency_hooks_within_10_ms() {
    // The first signal lets `b` stop, where `c` allows it.
    let arguments = ["c.start=block", "c.start=hang b.stop=hang"];
    expect_fast(
        "while starting",
        &second_signals("c.start", "b a", &arguments),
    );
}

#[test]
fn c2_a_second_signal_before_anything_is_up() {
    for flavor in flavors!("chain") {
        let mut run = patient(flavor().with("a.start=block")).start();
        run.until("a.start");
        run.terminate();
        let forced = run.another(Signal::INT);
        run.end()
            .expect_code(130)
            .expect_names("stop", "")
            .expect_names("emergency", "")
            .expect_line(&["forced by SIGINT"])
            .expect_gone(forced, Duration::from_millis(250));
    }
}

#[test]
fn c3_a_third_signal_ends_the_process_at_once() {
    let stopping = "e.stop=hang e.emergency=hang";
    let blocked = "e.stop=block e.emergency=spin";
    let starting = "c.start=block b.emergency=hang";
    for flavor in flavors!("chain") {
        for (arguments, at, hook, third, code) in [
            (stopping, "main", "e.emergency", Signal::TERM, 143),
            (stopping, "main", "e.emergency", Signal::INT, 130),
            (blocked, "main", "e.emergency", Signal::TERM, 143),
            (starting, "c.start", "b.emergency", Signal::INT, 130),
        ] {
            let program = patient(flavor().with(arguments));
            let mut run = program.limits("30s", "15s").start();
            run.until(at);
            run.terminate();
            run.another(Signal::INT);
            run.until(hook);
            let third = run.signal(third);
            run.end()
                .expect_code(code)
                .expect_gone(third, Duration::from_secs(1));
        }
    }
}

/// How much later a signal still counts as the first one.
const SAME: Duration = Duration::from_millis(200);

#[test]
fn c4_the_same_interrupt_twice_is_still_graceful() {
    for flavor in flavors!("chain") {
        for (second, after) in [
            // A terminal and a parent process both pass on an interrupt.
            (Signal::INT, None),
            (Signal::INT, Some("e.stop")),
            (Signal::TERM, Some("e.stop")),
        ] {
            // On a machine that took longer they count as two.
            let case = || {
                let mut run = flavor().with("e.stop=slow:400").up();
                let first = run.signal(Signal::INT);
                if let Some(after) = after {
                    run.until(after);
                }
                let again = run.signal(second);
                let in_time = again - first < SAME;
                let end = run.end();
                if in_time {
                    end.expect_code(0)
                        .expect_names("stop ok", "e d c b a")
                        .expect_names("emergency", "");
                }
                in_time
            };
            let in_time = (0..20).any(|_| unless_late(case));
            assert!(in_time, "no two signals within {SAME:?}");
        }
    }
}

/// Sends each of the signals 10,000 times; returns how long that took.
fn flood(run: &mut Run, signals: &[Signal]) -> Duration {
    let began = now();
    for _ in 0..10_000 {
        for signal in signals {
            run.try_signal(*signal);
        }
    }
    now() - began
}

#[test]
fn c5_ten_thousand_hangups_and_terminations_are_one_shutdown() {
    let slow = "e.stop=slow:50 c.stop=slow:50";
    for flavor in flavors!("chain") {
        unless_late(|| {
            let program = flavor().launched_by(DETACHED).with(slow);
            let mut run = program.limits("2s", "500ms").up();
            let asked = now();
            let took = flood(&mut run, &[Signal::HUP, Signal::TERM]);
            eprintln!("20,000 signals in {took:?}");
            let end = run.end();
            end.expect_gone(asked, Duration::from_secs(2))
                .expect_once("main asked");
            let stops = end.names("stop");
            assert!(stops.is_sorted_by(|a, b| a > b), "{end}");
            // Signals later than this count as a second one, and force the end.
            if took < SAME {
                end.expect_code(0)
                    .expect_names("stop ok", "e d c b a")
                    .expect_names("emergency", "");
            }
        });
    }
}

#[test]
fn c5_ten_thousand_hangups_are_few_reloads_and_ten_thousand_terminations_one_shutdown() {
    unless_late(|| {
        let program = program!("reloads").launched_by(DETACHED);
        let mut run = program
            .with("settings.reload=slow:10")
            .limits("2s", "500ms")
            .up();
        flood(&mut run, &[Signal::HUP]);
        run.until("pool.reload ok");
        let asked = now();
        let took = flood(&mut run, &[Signal::TERM]);
        let end = run.end();
        end.expect_gone(asked, Duration::from_secs(2))
            .expect_once("main asked");
        let reloads = end.count("settings.reload");
        assert!((1..1000).contains(&reloads), "{reloads} reloads\n{end}");
        if took < SAME {
            end.expect_code(0).expect_names("stop ok", "pool settings");
        }
    });
}

/// Instants since the execution of the program, in microseconds: about half of them before the first start.
fn instants(runs: usize) -> Vec<u64> {
    let mut random = rng();
    (0..runs)
        .map(|run| random.u64(..if run % 2 == 0 { 6_000 } else { 90_000 }))
        .collect()
}

/// Sends SIGTERM to programs of that kind at these instants, and checks how they ended.
fn terminate_at_any_instant(program: impl Fn(usize) -> Program + Sync) {
    let runs = runs(40);
    let instants = instants(runs);
    let ends = side_by_side(runs, |turn| {
        let mut run = patient(program(turn)).start();
        sleep(Duration::from_micros(instants[turn]));
        let asked = run.terminate();
        let end = run.end();
        expect_nothing_left(&end, asked);
        end
    });
    let count = |is: &dyn Fn(&End) -> bool| ends.iter().filter(|end| is(end)).count();
    let died = count(&|end| end.signal.is_some());
    let in_main = count(&|end| end.signal.is_some() && !end.evidence.is_empty());
    let running = count(&|end| end.count("main") > 0);
    let rolled_back = runs - died - running;
    eprintln!(
        "of {runs}, {died} died by the signal ({in_main} of them after `init` had begun), {rolled_back} rolled back, \
         {running} were running"
    );
    assert!(
        runs < 1000 || (died > 0 && rolled_back > 0 && running > 0),
        "not all of startup has been hit"
    );
}

/// Either nothing had started and the signal had its default effect, or everything that was up stopped in reverse and
/// everything that had begun ended.
fn expect_nothing_left(end: &End, asked: Duration) {
    if end.signal.is_some() || end.code == Some(143) {
        assert!(end.signal.is_none_or(|signal| signal == 15), "{end}");
        let init = |what: &str| what == "init" || what == "init ok";
        assert!(end.evidence.iter().all(|line| init(&line.what)), "{end}");
        return;
    }
    let reversed: Vec<&str> = end.names("start ok").into_iter().rev().collect();
    let reversed: Vec<&str> = reversed
        .into_iter()
        .filter(|name| *name != "readied")
        .collect();
    let stops = |hook| -> Vec<&str> {
        // It leaves no evidence of its start.
        let names = end.names(hook).into_iter();
        names.filter(|name| *name != "owner").collect()
    };
    end.expect_code(0)
        .expect_names("emergency", "")
        .expect_gone(asked, Duration::from_secs(10));
    assert_eq!(stops("stop"), reversed, "{end}");
    assert_eq!(stops("stop ok"), reversed, "{end}");
    let first_stop = end
        .evidence
        .iter()
        .position(|line| line.what.ends_with(".stop"))
        .unwrap_or(end.evidence.len());
    for line in &end.evidence {
        let what = &line.what;
        if what.contains(' ') {
            continue;
        }
        let ended = ["ok", "dropped"].map(|how| format!("{what} {how}"));
        let at = end
            .evidence
            .iter()
            .position(|line| ended.contains(&line.what));
        assert!(at.is_some(), "`{what}` has not ended\n{end}");
        assert!(
            what.ends_with(".stop") || at < Some(first_stop),
            "`{what}` ended after a stop had begun\n{end}"
        );
    }
}

#[test]
fn c1_sigterm_at_any_instant_of_startup() {
    let slow = "a.start=slow:10 b.start=slow:10 c.start=slow:10 d.start=slow:10 e.start=slow:10";
    terminate_at_any_instant(|turn| flavors!("chain")[turn / 2 % 2]().with(slow));
}

#[test]
fn c1_sigterm_at_any_instant_of_a_startup_with_workers() {
    let programs: [fn() -> Program; 2] = flavors!("workers");
    let slow = "only=low,readied,steady base.start=slow:20 readied.start=slow:30";
    terminate_at_any_instant(|turn| programs[turn / 2 % 2]().with(slow));
}
