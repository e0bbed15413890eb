//! What must hold on every day.

use std::time::Duration;

use super::day::Day;
use super::exit_code::{Fact, Facts, allowed};
use super::run::Outcome;
use super::table::{Cause, Deed, FORCE, Limit, Pattern, Place, asks_to_stop};
use crate::harness::{End, Signal};

/// Signals this soon after the first certainly count as one; a busy machine may deliver the first one late.
const SURELY_SAME: Duration = Duration::from_millis(150);
const SURELY_ANOTHER: Duration = Duration::from_millis(350);
/// A failure this long before the first signal was certainly noticed first.
const SURELY_FIRST: Duration = Duration::from_millis(50);
/// The time of a forced end besides the reserve: it writes its report.
const FORCED: Duration = Duration::from_millis(250);
/// The least time of the hooks of a process that was stopped (SIGSTOP) beyond its deadline, if their reserve is
/// shorter.
const LATE: Duration = Duration::from_millis(100);
/// The difference between the clock of the evidence and the timers of the program.
const TICK: Duration = Duration::from_millis(5);

/// The machine, and what it may do to a day.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// How late it may be.
    pub tolerance: Duration,
    /// The number of threads that keep a processor busy.
    pub busy: usize,
    /// How often a day is repeated that ended late, or on which a rule was broken while the machine was later than it
    /// may be.
    pub retries: usize,
}

/// How far the cleanup got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cleanup {
    /// Nothing had started.
    Nothing,
    /// Everything stopped, in reverse order.
    Reverse,
    /// At least one emergency hook ran; everything else stopped.
    Emergency,
    /// At least one component neither stopped nor ran its emergency hook.
    Without,
}

/// The verdict on a day.
#[derive(Debug)]
pub struct Verdict {
    /// How far the cleanup got.
    pub cleanup: Cleanup,
    /// The time from the deadline to the end of the process in milliseconds, negative before it; `None` without a
    /// reason to stop.
    pub over: Option<f64>,
    /// The exit code, or the negated signal that killed the process.
    pub code: i32,
    /// The rules that were broken.
    pub broken: Vec<String>,
    /// Whether the process ended too late, or was killed because it was late.
    pub late: bool,
}

/// Judges a day.
#[must_use]
pub fn judge(day: &Day, outcome: &Outcome, machine: Machine) -> Verdict {
    let mut case = Case::new(day, outcome, machine);
    let over = case.time();
    let cleanup = case.cleanup();
    case.order();
    case.drain();
    let code = case.code(cleanup);
    Verdict {
        cleanup,
        over,
        code,
        late: case.late,
        broken: case.broken,
    }
}

struct Case<'a> {
    day: &'a Day,
    end: &'a End,
    hung: bool,
    machine: Machine,
    /// When the first signal was sent.
    first_signal: Option<Duration>,
    /// When the app failed.
    failed: Option<Duration>,
    cause: Option<Duration>,
    /// When the end was forced, if it was: by a signal, or because the process ended itself.
    forced: Option<Duration>,
    /// The signals that may have counted as a second one.
    another: Vec<(Duration, Signal)>,
    /// Whether the process ended itself.
    aborted: bool,
    /// When user code called `exit`.
    exited: Option<Duration>,
    outcome: &'a Outcome,
    broken: Vec<String>,
    late: bool,
}

impl<'a> Case<'a> {
    fn new(day: &'a Day, outcome: &'a Outcome, machine: Machine) -> Self {
        let end = &outcome.end;
        let asked: Vec<(Duration, Signal)> = outcome
            .sent
            .iter()
            .copied()
            .filter(|(at, signal)| asks_to_stop(*signal) && *at < end.at)
            .collect();
        let first_signal = asked.first().map(|(at, _)| *at);
        let first = |what: &str| {
            let line = end.evidence.iter().find(|line| line.what == what);
            line.map(|line| line.at)
        };
        let evidence_of = |cause: Cause| first(cause.evidence());
        // A step may panic unintentionally, as `bridge` does on a current-thread runtime.
        let bodies = day.app.workers.iter().chain(&["main"]);
        let panicked = bodies.filter_map(|body| first(&format!("{body} panicked")));
        let failed = evidence_of(Cause::Fails).into_iter().chain(panicked).min();
        let timed_out = day.start_timeout.and_then(|time| {
            day.app
                .hooks(Place::Start)
                .iter()
                .filter_map(|hook| {
                    let over = first(hook)? + time;
                    let ok = first(&format!("{hook} ok"));
                    ok.is_none_or(|ok| ok > over).then_some(over)
                })
                .min()
        });
        let aborted = evidence_of(Cause::Aborts);
        let causes = [
            first_signal,
            failed,
            aborted,
            evidence_of(Cause::Asks),
            evidence_of(Cause::Exits),
            timed_out,
        ];
        let exited = evidence_of(Cause::Exits);
        let aborted = aborted.or(evidence_of(Cause::WillAbort));
        let another: Vec<(Duration, Signal)> = asked
            .into_iter()
            .filter(|(_, signal)| FORCE.contains(signal))
            .filter(|(at, _)| {
                first_signal.is_some_and(|first_signal| *at >= first_signal + SURELY_SAME)
            })
            .collect();
        let signalled = another.iter().map(|(at, _)| *at);
        let forced = signalled.chain(aborted).chain(exited).min();
        Self {
            day,
            end,
            hung: outcome.hung,
            machine,
            first_signal,
            failed,
            cause: causes.into_iter().flatten().filter(|at| *at < end.at).min(),
            forced,
            another,
            aborted: aborted.is_some(),
            exited,
            outcome,
            broken: Vec::new(),
            late: false,
        }
    }

    fn first(&self, what: &str) -> Option<(usize, Duration)> {
        let mut lines = self.end.evidence.iter().enumerate();
        let found = lines.find(|(_, line)| line.what == what);
        found.map(|(index, line)| (index, line.at))
    }

    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(what());
        }
    }

    /// When the process received SIGSTOP and SIGCONT.
    fn stopped(&self) -> Option<(Duration, Duration)> {
        let at = |wanted| {
            let mut sent = self.outcome.sent.iter();
            sent.find_map(|(at, signal)| (*signal == wanted).then_some(*at))
        };
        Some((at(Signal::STOP)?, at(Signal::CONT)?))
    }

    /// When the driver has certainly noticed an event of one of its threads. SIGSTOP may come in between.
    fn surely_heard(&self, at: Duration) -> Duration {
        let heard = at + self.machine.tolerance;
        match self.stopped() {
            Some((stopped, goes_on)) if stopped <= heard => {
                heard.max(goes_on + self.machine.tolerance)
            }
            _ => heard,
        }
    }

    /// The process ends, and in time. Returns the time after the deadline in milliseconds.
    fn time(&mut self) -> Option<f64> {
        let end = self.end;
        let hung = self.hung;
        self.check(!hung, || "it hung".to_owned());
        let late = end.evidence.iter().find(|line| line.at > end.at);
        self.check(late.is_none(), || format!("{late:?} is later than its end"));
        let mut limit = self.cause? + self.day.shutdown;
        if let Deed::Signals(Pattern::Twice | Pattern::Thrice) = self.day.fault.deed
            && let (Some(first_signal), Some((second, _))) =
                (self.first_signal, self.another.first())
            && *second >= first_signal + SURELY_ANOTHER
        {
            limit = limit.min(*second + self.day.reserve() + FORCED);
            if let Some((third, _)) = self.another.get(1) {
                limit = limit.min(*third);
            }
        }
        // The end of a life that has ended is still written.
        if let Some(exited) = self.exited
            && self.first("writer").is_none()
        {
            limit = limit.min(exited + self.day.reserve() + FORCED);
        }
        // A process that was stopped (SIGSTOP) has its time from SIGCONT on: all of it if it may not have handled the
        // first signal before.
        if let Some((stopped, goes_on)) = self.stopped() {
            let heard = stopped >= self.cause? + self.machine.tolerance;
            let time = if heard {
                self.day.reserve().max(LATE)
            } else {
                self.day.shutdown
            };
            limit = limit.max(goes_on + time);
        }
        let extra = Duration::from_millis(self.day.fault.limit.extra());
        let over = (end.at.as_secs_f64() - limit.as_secs_f64()) * 1e3;
        let allowed = limit + extra + self.machine.tolerance;
        self.late = end.at > allowed && !hung;
        let late = self.late;
        self.check(!late, || {
            format!("it was gone {over:.1} ms after it had to be")
        });
        (!hung).then_some(over)
    }

    /// The resources that started.
    fn up(&self) -> Vec<&'static str> {
        let names = self.day.app.resources.iter().map(|(name, _)| *name);
        names
            .filter(|name| self.first(&format!("{name}.start ok")).is_some())
            .collect()
    }

    /// When the stop of a resource ended without an error, or with an error that it expects.
    fn stopped_clean(&self, name: &str) -> Option<(usize, Duration)> {
        let expected = self.day.steps(&format!("{name}.stop")).contains("expected");
        let how = if expected { "error" } else { "ok" };
        self.first(&format!("{name}.stop {how}"))
    }

    /// Whether a start ended after it was given up, or may have been.
    fn is_late(&self, name: &str) -> bool {
        let Some((_, up)) = self.first(&format!("{name}.start ok")) else {
            return false;
        };
        let drained = self.cause.map(|cause| cause + self.day.drain());
        let timed_out = self.day.start_timeout.and_then(|time| {
            let (_, began) = self.first(&format!("{name}.start"))?;
            Some(began + time)
        });
        [drained, self.forced, timed_out]
            .into_iter()
            .flatten()
            .any(|at| up + self.machine.tolerance >= at)
    }

    /// Each started resource stops or runs its emergency hook, once; no other resource does.
    fn cleanup(&mut self) -> Cleanup {
        let up = self.up();
        let mut cleanup = if up.is_empty() {
            Cleanup::Nothing
        } else {
            Cleanup::Reverse
        };
        for (name, _) in self.day.app.resources {
            let hooks = ["stop", "emergency"].map(|hook| self.end.count(&format!("{name}.{hook}")));
            self.check(hooks.iter().all(|times| *times <= 1), || {
                format!(
                    "`{name}` was stopped {} times, and got its emergency hook {} times",
                    hooks[0], hooks[1]
                )
            });
            if !up.contains(name) {
                self.check(hooks == [0, 0], || {
                    format!("`{name}` never came up, but a hook of it was called")
                });
                continue;
            }
            let clean = self.stopped_clean(name);
            let emergency = self.first(&format!("{name}.emergency"));
            if let (Some((_, stop)), Some((_, emergency))) =
                (self.first(&format!("{name}.stop")), emergency)
            {
                self.check(stop <= emergency + self.machine.tolerance, || {
                    format!("`{name}` was stopped after it had got its emergency hook")
                });
            }
            match (clean, emergency) {
                (None, None) if !self.is_late(name) => {
                    cleanup = Cleanup::Without;
                    // The second signal after the forcing one, or after an abort, ends the process at once.
                    let forced = self.another.len() + usize::from(self.aborted);
                    let due = self.day.fault.due && forced < 2 && !self.killed_early();
                    self.check(!due, || {
                        format!("`{name}` was neither stopped nor got its emergency hook")
                    });
                }
                (None, None) => {}
                (Some((_, clean)), Some((_, emergency))) => {
                    if cleanup == Cleanup::Reverse {
                        cleanup = Cleanup::Emergency;
                    }
                    let heard = self.surely_heard(clean);
                    let known = emergency > heard
                        && self.forced.is_none_or(|forced| forced > heard)
                        && !self.day.fault.stuck;
                    self.check(!known, || {
                        format!("`{name}` had stopped clean when it got its emergency hook")
                    });
                }
                (None, Some(_)) if cleanup == Cleanup::Reverse => cleanup = Cleanup::Emergency,
                _ => {}
            }
        }
        cleanup
    }

    /// Whether a signal had its default effect.
    fn killed_early(&self) -> bool {
        self.up().is_empty()
            && self
                .outcome
                .sent
                .iter()
                .any(|(_, signal)| Some(signal.as_raw()) == self.end.signal)
    }

    /// A resource ends before the resources that it needs.
    fn order(&mut self) {
        for (name, needs) in self.day.app.resources {
            if !self.day.fault.due
                || self.first(&format!("{name}.start ok")).is_none()
                || self.is_late(name)
            {
                continue;
            }
            let place = |what: String| self.first(&what).map(|(index, _)| index);
            let clean = self.stopped_clean(name).map(|(index, _)| index);
            let over = [clean, place(format!("{name}.emergency"))];
            let over = over.into_iter().flatten().min();
            let mut broken = Vec::new();
            for need in *needs {
                if let Some(stop) = place(format!("{need}.stop"))
                    && over.is_none_or(|over| over > stop)
                {
                    broken.push(format!("`{need}` was stopped before `{name}` was over"));
                }
                if let (Some(first), Some(then)) = (
                    place(format!("{need}.emergency")),
                    place(format!("{name}.emergency")),
                ) && first < then
                {
                    broken.push(format!("`{need}` got its emergency hook before `{name}`"));
                }
            }
            self.broken.extend(broken);
        }
    }

    /// No stop begins before the workers have ended, or their time has.
    fn drain(&mut self) {
        let stops = self.day.app.hooks(Place::Stop);
        let mut lines = self.end.evidence.iter().enumerate();
        let first = lines.find(|(_, line)| stops.contains(&line.what));
        let (Some((stop, line)), Some(cause)) = (first, self.cause) else {
            return;
        };
        if self.day.fault.stuck
            || self.forced.is_some()
            || line.at + TICK >= cause + self.day.timeout()
        {
            return;
        }
        let workers = self.day.app.workers.iter().chain(&["main", "main.task"]);
        for worker in workers {
            let began = self.first(worker).is_some_and(|(index, _)| index < stop);
            let ended = ["ok", "error", "panicked", "dropped"].iter().any(|how| {
                let end = self.first(&format!("{worker} {how}"));
                end.is_some_and(|(index, _)| index < stop)
            });
            self.check(!began || ended, || {
                format!("something was stopped while `{worker}` worked")
            });
        }
    }

    /// The exit code is one that the fault may lead to and that the facts of this life allow.
    fn code(&mut self, cleanup: Cleanup) -> i32 {
        let signal = self.end.signal.map(|signal| -signal);
        let code = self.end.code.or(signal).unwrap_or_default();
        if self.hung {
            return code;
        }
        let signals = self.another.iter().map(|(_, signal)| signal.as_raw());
        let signals: Vec<i32> = signals.collect();
        let mut of_fault = self.day.fault.codes.to_vec();
        if self.day.besides {
            of_fault.extend([0, 1, 3]);
        }
        of_fault.extend(signals.iter().map(|signal| 128 + signal));
        if self.killed_early() {
            of_fault.push(code);
        }
        if code == -Signal::KILL.as_raw() && self.day.fault.limit != Limit::Deadline {
            // The last timer of the kernel: the one before it had 100 ms to end the process.
            self.late = true;
        }
        // A failure that precedes every signal.
        let failed = self.forced.is_none()
            && self.failed.is_some_and(|failed| {
                let surely = failed + SURELY_FIRST;
                self.first_signal
                    .is_none_or(|first_signal| first_signal > surely)
            });
        let unclean = matches!(cleanup, Cleanup::Emergency | Cleanup::Without);
        let mut of_life = allowed(&Facts {
            forced: Fact::of(false, !signals.is_empty()),
            signals: &signals,
            config: Fact::Maybe,
            failed: Fact::of(failed, true),
            unclean: Fact::of(unclean, true),
        });
        if self.exited.is_some() {
            // A code of 0 is never the one of a life with components that are up.
            let code = self.day.fault.name.rsplit_once(':').map(|(_, code)| code);
            let code = code.and_then(|code| code.parse::<i32>().ok());
            of_life.extend(code.filter(|code| *code != 0));
        }
        // Only the fault says how a process may end that was aborted or killed.
        let is_of_life = failed || (0..128).contains(&code);
        let holds = of_fault.contains(&code) && (!is_of_life || of_life.contains(&code));
        self.check(holds, || {
            format!(
                "the exit code is {code}, the fault allows {of_fault:?}, and a life with cleanup {cleanup:?} {of_life:?}"
            )
        });
        code
    }
}
