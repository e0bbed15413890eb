//! Random faults in random hooks, with signals at random instants: whatever happens, what must hold holds. A failure
//! prints the arguments of the program that failed, and the seed.

use std::thread::{self, sleep};
use std::time::Duration;

use lifecycle_tests::evidence::now;
use lifecycle_tests::program;
use lifecycle_tests::random::Random;
use lifecycle_tests::run::{End, Signal};

const DAYS: usize = 16;
const LIMIT: Duration = Duration::from_secs(2);

/// What a hook may do, most often nothing else than it should.
fn steps(random: &mut Random) -> &'static str {
    let steps = [
        "error", "panic", "hang", "block", "spin", "slow:30", "block:30", "ok", "ok", "ok", "ok",
        "ok",
    ];
    steps[random.index(steps.len())]
}

struct Day {
    arguments: String,
    current_thread: bool,
    signals: Vec<(Duration, Signal)>,
}

impl Day {
    fn new(random: &mut Random) -> Self {
        let mut arguments = String::new();
        for name in ["a", "b", "c", "d", "e"] {
            for hook in ["start", "stop", "emergency"] {
                // A start that goes wrong ends the day early.
                let step = if hook == "start" && random.below(8) > 0 {
                    "ok"
                } else {
                    steps(random)
                };
                arguments += &format!("{name}.{hook}={step} ");
            }
        }
        let main = ["told", "ok", "error", "slow:50,told", "told,hang", "block"];
        arguments += &format!("main={}", main[random.index(main.len())]);
        let mut signals = vec![(Duration::from_micros(random.below(60_000)), Signal::TERM)];
        if random.below(3) == 0 {
            signals.push((Duration::from_millis(350), Signal::INT));
        }
        Self {
            arguments,
            current_thread: random.below(2) == 0,
            signals,
        }
    }

    fn live(&self) -> (End, Duration) {
        let program = if self.current_thread {
            program!("chain_current_thread")
        } else {
            program!("chain")
        };
        let mut run = program.with(&self.arguments).limits("2s", "1s").start();
        run.until("init ok");
        let mut told = now();
        for (number, (pause, signal)) in self.signals.iter().enumerate() {
            sleep(*pause);
            // It may have ended by itself.
            if number == 0 {
                told = now();
            }
            run.try_signal(*signal);
        }
        (run.end(), told)
    }

    fn expect_what_must_hold(&self, end: &End, told: Duration) {
        end.expect_gone(told, LIMIT);
        if end.signal.is_some() {
            end.expect_names("start", "");
            return;
        }
        assert!(matches!(end.code, Some(0 | 1 | 3 | 130)), "{end}");
        let up = end.names("start ok");
        let (stops, emergencies) = (end.names("stop"), end.names("emergency"));
        assert!(
            stops.is_sorted_by(|a, b| a > b),
            "each stops once, and in reverse: {stops:?}\n{end}"
        );
        assert!(
            emergencies.iter().all(|name| up.contains(name)),
            "a hook of what was not up\n{end}"
        );
        assert!(
            stops.iter().all(|name| up.contains(name)),
            "a stop of what was not up\n{end}"
        );
        for name in up {
            let clean = end.count(&format!("{name}.stop ok")) == 1;
            let emergency = end.count(&format!("{name}.emergency"));
            assert!(
                emergency <= 1 && (clean || emergency == 1),
                "`{name}` was left alone\n{end}"
            );
        }
        let unclean = !emergencies.is_empty();
        assert!(
            !(unclean && end.code == Some(0)),
            "an emergency is not clean\n{end}"
        );
    }
}

#[test]
fn whatever_goes_wrong_the_day_ends_in_time_and_in_order() {
    let mut random = Random::new();
    let days: Vec<Day> = (0..DAYS).map(|_| Day::new(&mut random)).collect();
    // Two at a time: some of them compute for ever.
    thread::scope(|scope| {
        for half in days.chunks(DAYS.div_ceil(2)) {
            scope.spawn(move || {
                for day in half {
                    let (end, told) = day.live();
                    day.expect_what_must_hold(&end, told);
                }
            });
        }
    });
}
