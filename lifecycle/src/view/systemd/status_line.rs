//! How far the life is, in the one line that `systemctl status` shows.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api::event::EventKind;
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::scope::reason::signal_name;

/// Most components that are named at once; the rest is counted.
const MOST: usize = 3;
/// Most bytes of a line: a message of more than 4,096 is not heard at all.
const LENGTH: usize = 500;

pub(super) struct Status {
    phase: Phase,
    /// How many components there are to start, or to stop.
    total: usize,
    up: HashSet<Arc<str>>,
    /// What is starting or stopping, and how many others had begun before it.
    under_way: HashMap<Arc<str>, UnderWay>,
    begun: usize,
    in_flight: u64,
    /// Since when the app's runtime has not answered.
    silent: Option<Instant>,
}

struct UnderWay {
    place: usize,
    /// What went wrong so far.
    note: Option<String>,
}

enum Phase {
    Starting,
    /// With what went wrong in the last reload.
    Running(Option<String>),
    Reloading(Option<String>),
    Stopping {
        why: String,
        /// Still serving, for so long.
        serves: Option<Duration>,
    },
    Forced(Option<i32>),
    Ended(String),
}

impl Status {
    pub(super) fn new(components: usize) -> Self {
        Self {
            phase: Phase::Starting,
            total: components,
            up: HashSet::new(),
            under_way: HashMap::new(),
            begun: 0,
            in_flight: 0,
            silent: None,
        }
    }

    /// Takes the notice in; whether it may have changed the line.
    pub(super) fn hear(&mut self, notice: &EventKind) -> bool {
        match notice {
            EventKind::Starting { name, .. } | EventKind::Stopping { name, .. } => {
                let (place, note) = (self.begun, None);
                self.begun += 1;
                self.under_way
                    .insert(Arc::clone(name), UnderWay { place, note });
            }
            EventKind::Started { name, .. } => {
                self.under_way.remove(name);
                self.up.insert(Arc::clone(name));
            }
            EventKind::StartFailed {
                name,
                attempt,
                error,
                retry_in: Some(_),
            } => {
                if let Some(under_way) = self.under_way.get_mut(name) {
                    under_way.note = Some(format!("attempt {attempt} failed: {error}"));
                }
            }
            EventKind::StartFailed { name, .. }
            | EventKind::Finished { name }
            | EventKind::Failed {
                name,
                retry_in: None,
                ..
            }
            | EventKind::Stopped { name, .. } => {
                self.under_way.remove(name);
                self.up.remove(name);
            }
            EventKind::Running { .. } => {
                self.under_way.clear();
                self.phase = Phase::Running(None);
            }
            EventKind::ReloadBegan { .. } => self.phase = Phase::Reloading(None),
            EventKind::Reloaded { name, error } => match (&mut self.phase, error) {
                (Phase::Reloading(wrong), Some(error)) if wrong.is_none() => {
                    *wrong = Some(format!("{name} did not reload: {error}"));
                }
                _ => return false,
            },
            EventKind::ReloadEnded => {
                if let Phase::Reloading(wrong) = &mut self.phase {
                    self.phase = Phase::Running(wrong.take());
                }
            }
            EventKind::ShutdownBegan { reason, .. } => {
                self.under_way.clear();
                self.total = self.up.len();
                self.phase = Phase::Stopping {
                    why: reason.to_string(),
                    serves: None,
                };
            }
            EventKind::LameDuck { time } => self.serve(Some(*time)),
            EventKind::Draining { pending, .. } => {
                self.serve(None);
                self.in_flight = pending.in_flight;
            }
            EventKind::StillDraining { pending } => self.in_flight = pending.in_flight,
            EventKind::Forced { signal } => self.phase = Phase::Forced(*signal),
            EventKind::Warning { message: _ }
            | EventKind::SlowFirstPoll { .. }
            | EventKind::Restarting { .. }
            | EventKind::Failed { .. }
            | EventKind::ExpectedError { .. }
            | EventKind::TaskPanicked { .. }
            | EventKind::EmergencyHook { .. } => return false,
        }
        true
    }

    fn serve(&mut self, time: Option<Duration>) {
        if let Phase::Stopping { serves, .. } = &mut self.phase {
            *serves = time;
        }
    }

    /// The app's runtime has not answered for so long, or has answered; whether that changes the line.
    pub(super) fn hear_of_runtime(&mut self, time: Option<Duration>) -> bool {
        let silent = time.and_then(|time| Instant::now().checked_sub(time));
        let before = std::mem::replace(&mut self.silent, silent);
        before.is_some() != silent.is_some()
    }

    /// The life has ended like this.
    pub(super) fn end(&mut self, how: String) {
        self.phase = Phase::Ended(how);
    }

    /// The place of what is under way, and what that is: what began first is named first.
    fn progress(&self, done: usize) -> String {
        let mut text = format!(" {} of {}", (done + 1).min(self.total), self.total);
        let mut under_way: Vec<_> = self.under_way.iter().collect();
        under_way.sort_unstable_by_key(|(_, under_way)| under_way.place);
        for (index, (name, under_way)) in under_way.iter().take(MOST).enumerate() {
            text += if index == 0 { ": " } else { ", " };
            text += name;
            if let Some(note) = &under_way.note {
                text += &format!(" ({note})");
            }
        }
        if under_way.len() > MOST {
            text += &format!(" and {} more", under_way.len() - MOST);
        }
        text
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = match &self.phase {
            Phase::Starting => format!("starting{}", self.progress(self.up.len())),
            Phase::Running(None) => "running".to_owned(),
            Phase::Running(Some(wrong)) => format!("running; {wrong}"),
            Phase::Reloading(_) => "reloading".to_owned(),
            Phase::Stopping {
                why,
                serves: Some(time),
            } => format!(
                "stopping ({why}): not ready, still serving for {}",
                show(*time)
            ),
            Phase::Stopping { why, .. } => {
                let done = self.total.saturating_sub(self.up.len());
                format!("stopping ({why}){}", self.progress(done))
            }
            Phase::Forced(Some(signal)) => {
                format!("emergency hooks only: forced by {}", signal_name(*signal))
            }
            Phase::Forced(None) => "emergency hooks only: the time is over".to_owned(),
            Phase::Ended(how) => how.clone(),
        };
        if self.in_flight > 0 && matches!(self.phase, Phase::Stopping { .. }) {
            text += &format!("; {} in flight", self.in_flight);
        }
        if let Some(since) = self.silent {
            let time = show(since.elapsed());
            text += &format!("; the runtime has not answered for {time}");
        }
        let mut text = escape(&text);
        if text.len() > LENGTH {
            let cut = (0..=LENGTH).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(cut.unwrap_or_default());
            text.push('…');
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::cleanup_layer::CleanupLayer;
    use crate::api::event::PendingWork;
    use crate::api::leases::LeaseCounts;
    use crate::scope::reason::Reason;

    fn starting(name: &str) -> EventKind {
        EventKind::Starting {
            name: name.into(),
            time_limit: Duration::ZERO,
        }
    }

    fn started(name: &str) -> EventKind {
        EventKind::Started {
            name: name.into(),
            took: Duration::ZERO,
        }
    }

    fn stop_began(name: &str) -> EventKind {
        EventKind::Stopping {
            name: name.into(),
            time_limit: Duration::ZERO,
        }
    }

    fn stopped(name: &str) -> EventKind {
        EventKind::Stopped {
            name: name.into(),
            took: Duration::ZERO,
            layer: CleanupLayer::Safe,
            errors: Vec::new(),
            unfinished_tasks: Vec::new(),
            leases: LeaseCounts::default(),
        }
    }

    fn running() -> EventKind {
        EventKind::Running {
            took: Duration::ZERO,
        }
    }

    fn stopping() -> EventKind {
        EventKind::ShutdownBegan {
            reason: Reason::Signal(15),
            time_limit: Duration::ZERO,
        }
    }

    fn status<const N: usize>(components: usize, notices: [EventKind; N]) -> Status {
        let mut status = Status::new(components);
        for notice in &notices {
            status.hear(notice);
        }
        status
    }

    fn line<const N: usize>(notices: [EventKind; N]) -> String {
        status(7, notices).to_string()
    }

    #[test]
    fn a_startup_names_what_it_waits_for() {
        assert_eq!(line([]), "starting 1 of 7");
        let up = || [starting("a"), started("a"), starting("b")];
        assert_eq!(line(up()), "starting 2 of 7: b");
        let [a, b, c] = up();
        let many = [
            a,
            b,
            c,
            starting("z"),
            starting("d"),
            starting("c"),
            starting("e"),
        ];
        assert_eq!(line(many), "starting 2 of 7: b, z, d and 2 more");
    }

    #[test]
    fn a_start_that_is_tried_again_says_why() {
        let failed = EventKind::StartFailed {
            name: "b".into(),
            attempt: 2,
            error: "no route".to_owned(),
            retry_in: Some(Duration::from_secs(1)),
        };
        let expected = "starting 1 of 7: b (attempt 2 failed: no route)";
        assert_eq!(line([starting("b"), failed.clone()]), expected);
        assert_eq!(
            line([starting("b"), failed, started("b")]),
            "starting 2 of 7"
        );
    }

    #[test]
    fn a_stop_counts_what_was_up() {
        let up = || {
            [
                started("a"),
                started("b"),
                started("c"),
                running(),
                stopping(),
            ]
        };
        assert_eq!(line(up()), "stopping (SIGTERM) 1 of 3");
        let [a, b, c, d, e] = up();
        let half = [
            a,
            b,
            c,
            d,
            e,
            stop_began("c"),
            stopped("c"),
            stop_began("b"),
        ];
        assert_eq!(line(half), "stopping (SIGTERM) 2 of 3: b");
    }

    #[test]
    fn a_drain_counts_what_is_in_flight() {
        let left = |in_flight| PendingWork {
            in_flight,
            ..PendingWork::default()
        };
        let draining = EventKind::Draining {
            pending: left(5),
            time_limit: Duration::ZERO,
        };
        let up = [
            started("a"),
            running(),
            stopping(),
            draining,
            stop_began("a"),
        ];
        let mut status = status(1, up);
        assert_eq!(
            status.to_string(),
            "stopping (SIGTERM) 1 of 1: a; 5 in flight"
        );
        status.hear(&EventKind::StillDraining { pending: left(0) });
        assert_eq!(status.to_string(), "stopping (SIGTERM) 1 of 1: a");
    }

    #[test]
    fn a_reload_that_failed_is_seen_until_the_next() {
        let reloading = || EventKind::ReloadBegan {
            time_limit: Duration::ZERO,
        };
        let failed = EventKind::Reloaded {
            name: "a".into(),
            error: Some("no such file".to_owned()),
        };
        let mut status = status(1, [running(), reloading(), failed, EventKind::ReloadEnded]);
        assert_eq!(
            status.to_string(),
            "running; a did not reload: no such file"
        );
        status.hear(&reloading());
        assert_eq!(status.to_string(), "reloading");
        status.hear(&EventKind::ReloadEnded);
        assert_eq!(status.to_string(), "running");
    }

    #[test]
    fn a_runtime_that_is_silent_is_seen_until_it_answers() {
        let mut status = status(1, [running()]);
        assert!(!status.hear_of_runtime(None));
        assert!(status.hear_of_runtime(Some(Duration::from_secs(2))));
        let line = status.to_string();
        assert!(
            line.starts_with("running; the runtime has not answered for 2"),
            "{line}"
        );
        assert!(status.hear_of_runtime(None));
        assert_eq!(status.to_string(), "running");
    }

    #[test]
    fn a_line_is_one_line_of_bounded_length() {
        let names = ["a\nREADY=1", &"ü".repeat(400)];
        for name in names {
            let line = status(2, [starting(name)]).to_string();
            assert!(!line.contains('\n') && line.len() <= LENGTH + '…'.len_utf8());
        }
    }
}
