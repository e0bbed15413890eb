//! A day, as it is drawn from a seed.

use std::time::Duration;

use fastrand::Rng;

use super::table::{APPS, App, BESIDES, Deed, FORCE, Fault, Outputs, Pattern, Place, faults};
use crate::harness::Signal;

/// Everything that happens on a day, except the lateness of the machine.
#[derive(Debug)]
pub struct Day {
    /// The seed of the day.
    pub seed: u64,
    /// The program.
    pub app: &'static App,
    /// The main fault of the day.
    pub fault: &'static Fault,
    /// Whether there are further faults.
    pub besides: bool,
    /// The program's arguments: the steps of its hooks.
    pub arguments: String,
    /// The app's `shutdown_timeout`.
    pub shutdown: Duration,
    /// The timeout of a start, if a start is to exceed it.
    pub start_timeout: Option<Duration>,
    /// The evidence after which the signals are sent.
    pub after: &'static str,
    /// The signals, each with the pause before it.
    pub signals: Vec<(Duration, Signal)>,
    /// The outputs of the program.
    pub outputs: Outputs,
}

impl Day {
    /// Draws the day of that seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let app = &APPS[random.usize(..APPS.len())];
        let fault = &faults()[random.usize(..faults().len())];
        let mut day = Self {
            seed,
            app,
            fault,
            besides: false,
            arguments: String::new(),
            shutdown: Duration::from_millis(300 + random.u64(..600)),
            start_timeout: None,
            after: if random.u64(..4) == 0 {
                "init ok"
            } else {
                "main"
            },
            signals: vec![(millis(&mut random, 0, 30), stop_signal(&mut random))],
            outputs: Outputs::Read,
        };
        match fault.deed {
            Deed::Nothing => {}
            Deed::Step(step) => day.commit(step, &mut random),
            Deed::Signals(pattern) => day.send(pattern, &mut random),
            Deed::Outputs(outputs) => day.outputs = outputs,
        }
        let alone = matches!(fault.deed, Deed::Nothing | Deed::Outputs(_));
        if !alone && random.u64(..2) == 0 {
            day.happens_besides(&mut random);
        }
        if day.signals.len() == 1 && !alone && random.u64(..8) == 0 {
            day.again(&mut random);
        }
        day
    }

    /// The part of the shutdown timeout that is reserved for emergency hooks.
    #[must_use]
    pub fn reserve(&self) -> Duration {
        self.shutdown / 3
    }

    /// The part of the shutdown timeout for the drain.
    #[must_use]
    pub fn drain(&self) -> Duration {
        self.shutdown / 4
    }

    /// The `timeout` of components that have one.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.shutdown / 8
    }

    /// The environment variables of the program.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let timed = self.app.timed.iter();
        let mut variables = vec![
            ("SHUTDOWN_TIMEOUT".to_owned(), self.shutdown),
            ("EMERGENCY_TIMEOUT".to_owned(), self.reserve()),
            ("DRAIN_TIMEOUT".to_owned(), self.drain()),
        ];
        variables.extend(timed.map(|name| (format!("TIMEOUT_{name}"), self.timeout())));
        variables.extend(
            self.start_timeout
                .map(|time| ("START_TIMEOUT".to_owned(), time)),
        );
        variables
            .into_iter()
            .map(|(name, time)| {
                let micros = time.as_micros();
                (format!("LIFECYCLE_{name}"), format!("{micros}us"))
            })
            .collect()
    }

    /// The steps of a hook; empty if it does what it should.
    #[must_use]
    pub fn steps(&self, hook: &str) -> &str {
        let arguments = self.arguments.split_whitespace();
        let mut hooks = arguments.filter_map(|argument| argument.split_once('='));
        hooks
            .find(|(name, _)| *name == hook)
            .map_or("", |(_, steps)| steps)
    }

    fn set_steps(&mut self, hook: &str, steps: &str) {
        if self.steps(hook).is_empty() {
            self.arguments += &format!("{hook}={steps} ");
        }
    }

    fn a_hook(&self, place: Place, random: &mut Rng) -> Option<String> {
        let mut hooks = self.app.hooks(place);
        (!hooks.is_empty()).then(|| hooks.swap_remove(random.usize(..hooks.len())))
    }

    fn commit(&mut self, step: &str, random: &mut Rng) {
        let (place, hook) = loop {
            let place = self.fault.places[random.usize(..self.fault.places.len())];
            if let Some(hook) = self.a_hook(place, random) {
                break (place, hook);
            }
        };
        if place == Place::Init {
            self.after = "init";
        }
        let lives_on = matches!(place, Place::Worker | Place::Main | Place::Task);
        let asked = lives_on && random.u64(..2) == 0;
        let mut steps = String::new();
        if asked {
            steps += "asked,";
        } else if random.u64(..2) == 0 {
            steps += &format!("slow:{},", random.u64(..40));
        }
        if self.fault.causes.contains(&place) {
            steps += &format!("note:{},", self.fault.cause.evidence());
            if !asked && random.u64(..3) > 0 {
                // The signal only ends a program that does not end by itself.
                self.signals[0].0 = Duration::from_millis(250);
            }
        }
        if step == "replace" {
            // Once the handlers are taken back.
            self.signals[0].0 = millis(random, 1300, 1600);
        }
        steps += step;
        let goes_on = !self.fault.causes.contains(&place) || matches!(step, "request" | "fail");
        if lives_on && !asked && goes_on {
            steps += ",asked";
        }
        self.set_steps(&hook, &steps);
        if place == Place::Emergency {
            let stop = hook.replace(".emergency", ".stop");
            self.set_steps(
                &stop,
                if random.u64(..2) == 0 {
                    "error"
                } else {
                    "hang"
                },
            );
        }
        let lasts = matches!(step, "hang" | "block" | "bridge" | "spin");
        if place == Place::Start && lasts && random.u64(..2) == 0 {
            self.start_timeout = Some(Duration::from_millis(60));
            self.signals[0].0 = Duration::from_millis(250);
        }
    }

    fn send(&mut self, pattern: Pattern, random: &mut Rng) {
        match pattern {
            Pattern::Startup => {
                self.after = "init ok";
                self.signals[0].0 = Duration::from_micros(random.u64(..10_000));
            }
            Pattern::Same => {
                self.lasts(random);
                let pause = millis(random, 0, 140);
                self.signals.push((pause, stop_signal(random)));
            }
            Pattern::Twice | Pattern::Thrice => {
                self.shutdown = millis(random, 600, 900);
                self.lasts(random);
                self.again(random);
                if matches!(pattern, Pattern::Thrice) && self.signals.len() == 2 {
                    self.signals
                        .push((millis(random, 5, 80), force_signal(random)));
                }
            }
            Pattern::Repeated => {
                self.shutdown = millis(random, 600, 900);
                self.lasts(random);
                self.signals[0].1 = Signal::TERM;
                for _ in 0..=random.u64(..3) {
                    self.signals.push((millis(random, 0, 400), Signal::TERM));
                }
            }
            Pattern::Storm => {
                self.after = "main";
                let storm = [Signal::HUP, Signal::TERM].map(|signal| (Duration::ZERO, signal));
                self.signals.extend((0..200).flat_map(|_| storm));
            }
            Pattern::Stopped => {
                self.lasts(random);
                let most = self.shutdown.as_millis().try_into().unwrap_or(u64::MAX);
                self.signals
                    .push((millis(random, 0, most / 2), Signal::STOP));
                self.signals
                    .push((millis(random, 0, most + 200), Signal::CONT));
            }
        }
    }

    /// Keeps the program busy when further signals arrive.
    fn lasts(&mut self, random: &mut Rng) {
        let steps = ["hang", "block", "slow:50", "block:50", "ok"];
        let step = steps[random.usize(..steps.len())];
        if let Some(hook) = self.a_hook(Place::Stop, random) {
            self.set_steps(&hook, step);
        }
        let steps = ["hang", "block:50", "ok", "ok"];
        let step = steps[random.usize(..steps.len())];
        if let Some(hook) = self.a_hook(Place::Emergency, random) {
            self.set_steps(&hook, step);
        }
    }

    /// A second signal, and sometimes a third.
    fn again(&mut self, random: &mut Rng) {
        self.signals
            .push((millis(random, 310, 450), force_signal(random)));
        if random.u64(..3) == 0 {
            self.signals
                .push((millis(random, 5, 80), force_signal(random)));
        }
    }

    fn happens_besides(&mut self, random: &mut Rng) {
        for _ in 0..=random.u64(..2) {
            let (step, place) = BESIDES[random.usize(..BESIDES.len())];
            let Some(hook) = self.a_hook(place, random) else {
                continue;
            };
            self.besides = true;
            match place {
                Place::Worker | Place::Task => self.set_steps(&hook, &format!("asked,{step}")),
                _ => self.set_steps(&hook, step),
            }
        }
    }
}

fn millis(random: &mut Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(random.u64(from..=to))
}

fn stop_signal(random: &mut Rng) -> Signal {
    [Signal::TERM, Signal::INT][random.usize(..2)]
}

fn force_signal(random: &mut Rng) -> Signal {
    FORCE[random.usize(..FORCE.len())]
}
