//! How far the life is, in the one line that `systemctl status` shows.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::duration::show;
use crate::error::escape::escape;
use crate::life::notice::Notice;
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
    pub(super) fn hear(&mut self, notice: &Notice) -> bool {
        match notice {
            Notice::Starting { name, .. } | Notice::StopBegan { name, .. } => {
                let (place, note) = (self.begun, None);
                self.begun += 1;
                self.under_way
                    .insert(Arc::clone(name), UnderWay { place, note });
            }
            Notice::Started { name, .. } => {
                self.under_way.remove(name);
                self.up.insert(Arc::clone(name));
            }
            Notice::StartFailed {
                name,
                attempt,
                error,
                again_in: Some(_),
            } => {
                if let Some(under_way) = self.under_way.get_mut(name) {
                    under_way.note = Some(format!("attempt {attempt} failed: {error}"));
                }
            }
            Notice::StartFailed { name, .. }
            | Notice::Finished { name }
            | Notice::Failed {
                name,
                again_in: None,
                ..
            }
            | Notice::Stopped { name, .. } => {
                self.under_way.remove(name);
                self.up.remove(name);
            }
            Notice::Running { .. } => {
                self.under_way.clear();
                self.phase = Phase::Running(None);
            }
            Notice::Reloading { .. } => self.phase = Phase::Reloading(None),
            Notice::Reloaded { name, error } => match (&mut self.phase, error) {
                (Phase::Reloading(wrong), Some(error)) if wrong.is_none() => {
                    *wrong = Some(format!("{name} did not reload: {error}"));
                }
                _ => return false,
            },
            Notice::ReloadEnded => {
                if let Phase::Reloading(wrong) = &mut self.phase {
                    self.phase = Phase::Running(wrong.take());
                }
            }
            Notice::Stopping { reason, .. } => {
                self.under_way.clear();
                self.total = self.up.len();
                self.phase = Phase::Stopping {
                    why: reason.to_string(),
                    serves: None,
                };
            }
            Notice::LameDuck { time } => self.serve(Some(*time)),
            Notice::Draining { left, .. } => {
                self.serve(None);
                self.in_flight = left.in_flight;
            }
            Notice::StillDraining { left } => self.in_flight = left.in_flight,
            Notice::Forced { signal } => self.phase = Phase::Forced(*signal),
            Notice::Warning(_)
            | Notice::SlowToStart { .. }
            | Notice::Restarting { .. }
            | Notice::Failed { .. }
            | Notice::ExpectedError { .. }
            | Notice::TaskPanicked { .. }
            | Notice::Emergency { .. } => return false,
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
    use crate::life::notice::Left;
    use crate::life::outcome::{InUse, Layer};
    use crate::scope::reason::Reason;

    fn starting(name: &str) -> Notice {
        Notice::Starting {
            name: name.into(),
            allowed: Duration::ZERO,
        }
    }

    fn started(name: &str) -> Notice {
        Notice::Started {
            name: name.into(),
            took: Duration::ZERO,
        }
    }

    fn stop_began(name: &str) -> Notice {
        Notice::StopBegan {
            name: name.into(),
            allowed: Duration::ZERO,
        }
    }

    fn stopped(name: &str) -> Notice {
        Notice::Stopped {
            name: name.into(),
            took: Duration::ZERO,
            layer: Layer::Safe,
            errors: Vec::new(),
            tasks_left: Vec::new(),
            leaked: InUse::default(),
        }
    }

    fn running() -> Notice {
        Notice::Running {
            took: Duration::ZERO,
        }
    }

    fn stopping() -> Notice {
        Notice::Stopping {
            reason: Reason::Signal(15),
            limit: Duration::ZERO,
        }
    }

    fn status<const N: usize>(components: usize, notices: [Notice; N]) -> Status {
        let mut status = Status::new(components);
        for notice in &notices {
            status.hear(notice);
        }
        status
    }

    fn line<const N: usize>(notices: [Notice; N]) -> String {
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
        let failed = Notice::StartFailed {
            name: "b".into(),
            attempt: 2,
            error: "no route".to_owned(),
            again_in: Some(Duration::from_secs(1)),
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
        let left = |in_flight| Left {
            in_flight,
            ..Left::default()
        };
        let draining = Notice::Draining {
            left: left(5),
            time: Duration::ZERO,
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
        status.hear(&Notice::StillDraining { left: left(0) });
        assert_eq!(status.to_string(), "stopping (SIGTERM) 1 of 1: a");
    }

    #[test]
    fn a_reload_that_failed_is_seen_until_the_next() {
        let reloading = || Notice::Reloading {
            limit: Duration::ZERO,
        };
        let failed = Notice::Reloaded {
            name: "a".into(),
            error: Some("no such file".to_owned()),
        };
        let mut status = status(1, [running(), reloading(), failed, Notice::ReloadEnded]);
        assert_eq!(
            status.to_string(),
            "running; a did not reload: no such file"
        );
        status.hear(&reloading());
        assert_eq!(status.to_string(), "reloading");
        status.hear(&Notice::ReloadEnded);
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
