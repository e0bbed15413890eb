//! The line that `systemctl status` shows: how far the life is.

use std::fmt;
use std::time::{Duration, Instant};

use crate::api::event::{Event, EventKind};
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::scope::reason::signal_name;
use crate::view::status::{ComponentStatus, Phase, Status, Step};

/// Most components that are named at once; the rest is counted.
const MOST: usize = 3;
/// Most bytes of a line: systemd ignores a message of more than 4,096.
const LENGTH: usize = 500;

pub(super) struct StatusLine {
    status: Status,
    /// How the life ended, once it has.
    ended: Option<String>,
    /// Since when the app's runtime has not answered.
    silent: Option<Instant>,
}

impl StatusLine {
    pub(super) fn new(status: Status) -> Self {
        Self {
            status,
            ended: None,
            silent: None,
        }
    }

    /// Takes the event in. Returns whether it may have changed the line.
    pub(super) fn apply(&mut self, event: &Event) -> bool {
        self.status.apply(event);
        !matches!(
            event.kind(),
            EventKind::Warning { .. }
                | EventKind::SlowFirstPoll { .. }
                | EventKind::Restarting { .. }
                | EventKind::Failed {
                    retry_in: Some(_),
                    ..
                }
                | EventKind::ExpectedError { .. }
                | EventKind::TaskPanicked { .. }
                | EventKind::EmergencyHook { .. }
                | EventKind::Lagged { .. }
        )
    }

    /// Sets for how long the app's runtime has not answered; `None` if it has. Returns whether that changes the line.
    pub(super) fn set_silence(&mut self, time: Option<Duration>) -> bool {
        let silent = time.and_then(|time| Instant::now().checked_sub(time));
        let before = std::mem::replace(&mut self.silent, silent);
        before.is_some() != silent.is_some()
    }

    /// Sets how the life ended.
    pub(super) fn end(&mut self, how: String) {
        self.ended = Some(how);
    }

    /// The number of the component whose turn it is, and those that are under way: what began first is named first.
    fn progress(&self, done: usize, total: usize) -> String {
        let mut text = format!(" {} of {total}", (done + 1).min(total));
        let under_way = self.status.under_way();
        for (index, component) in under_way.iter().take(MOST).enumerate() {
            text += if index == 0 { ": " } else { ", " };
            text += &component.name;
            text += &note(component);
        }
        if under_way.len() > MOST {
            text += &format!(" and {} more", under_way.len() - MOST);
        }
        text
    }

    fn text(&self) -> String {
        let status = &self.status;
        if let Some(how) = &self.ended {
            return how.clone();
        }
        match (status.phase, &status.stop) {
            (Phase::Forced, _) => match status.forced_by {
                Some(signal) => {
                    format!("emergency hooks only: forced by {}", signal_name(signal))
                }
                None if status.exited => "emergency hooks only: `exit` was called".to_owned(),
                None => "emergency hooks only: the time is over".to_owned(),
            },
            (Phase::LameDuck, Some(stop)) => format!(
                "stopping ({}): not ready, still serving for {}",
                stop.reason,
                show(status.time_limit)
            ),
            (_, Some(stop)) => {
                let progress = self.progress(status.stopped(), stop.total);
                format!("stopping ({}){progress}", stop.reason)
            }
            (Phase::Starting, None) => {
                let progress = self.progress(status.count(Step::Up), status.components.len());
                format!("starting{progress}")
            }
            (_, None) if status.reload.is_under_way => "reloading".to_owned(),
            (_, None) => match &status.reload.failed {
                Some((name, error)) => format!("running; {name} did not reload: {error}"),
                None => "running".to_owned(),
            },
        }
    }
}

/// What went wrong with a start that goes on.
fn note(component: &ComponentStatus) -> String {
    match &component.last_error {
        Some(error) if component.step == Step::Starting && component.attempt > 1 => {
            format!(" (attempt {} failed: {error})", component.attempt - 1)
        }
        _ => String::new(),
    }
}

impl fmt::Display for StatusLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = &self.status;
        let mut text = self.text();
        let in_flight = status.pending.in_flight;
        let stops = status.stop.is_some() && status.phase != Phase::Forced && self.ended.is_none();
        if in_flight > 0 && stops {
            text += &format!("; {in_flight} in flight");
        }
        if let Some(since) = self.silent {
            let time = show(since.elapsed());
            text += &format!("; the runtime has not answered for {time}");
        }
        let mut text = escape(&text);
        if text.len() > LENGTH {
            let end = (0..=LENGTH).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or_default());
            text.push('…');
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::event::PendingWork;
    use crate::view::status::tests as status;
    use crate::view::status::tests::{start_failed, started, stopped};

    fn starting(name: &str) -> EventKind {
        status::starting(name, Duration::ZERO)
    }

    fn stop_began(name: &str) -> EventKind {
        status::stopping(name, Duration::ZERO)
    }

    fn running() -> EventKind {
        status::running()
    }

    fn stopping() -> EventKind {
        status::shutdown_began(15, Duration::ZERO)
    }

    fn apply(line: &mut StatusLine, kind: EventKind) {
        line.apply(&Event::new(Instant::now(), kind));
    }

    /// Of an app with so many components, those of the events among them.
    fn status_line<const N: usize>(components: usize, events: [EventKind; N]) -> StatusLine {
        let events = events.map(|kind| Event::new(Instant::now(), kind));
        let mut names: Vec<&str> = Vec::new();
        for name in events.iter().filter_map(Event::component) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let others: Vec<String> = (names.len()..components).map(|id| id.to_string()).collect();
        names.extend(others.iter().map(String::as_str));
        let mut line = StatusLine::new(status::status(&names, &[], Instant::now()));
        for event in &events {
            line.apply(event);
        }
        line
    }

    fn line<const N: usize>(events: [EventKind; N]) -> String {
        status_line(7, events).to_string()
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
        let failed = start_failed("b", 2, true);
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
        let pending = |in_flight| PendingWork {
            in_flight,
            ..PendingWork::default()
        };
        let draining = EventKind::Draining {
            pending: pending(5),
            time_limit: Duration::ZERO,
        };
        let up = [
            started("a"),
            running(),
            stopping(),
            draining,
            stop_began("a"),
        ];
        let mut line = status_line(1, up);
        assert_eq!(
            line.to_string(),
            "stopping (SIGTERM) 1 of 1: a; 5 in flight"
        );
        apply(
            &mut line,
            EventKind::StillDraining {
                pending: pending(0),
            },
        );
        assert_eq!(line.to_string(), "stopping (SIGTERM) 1 of 1: a");
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
        let mut line = status_line(1, [running(), reloading(), failed, EventKind::ReloadEnded]);
        assert_eq!(line.to_string(), "running; a did not reload: no such file");
        apply(&mut line, reloading());
        assert_eq!(line.to_string(), "reloading");
        apply(&mut line, EventKind::ReloadEnded);
        assert_eq!(line.to_string(), "running");
    }

    #[test]
    fn a_runtime_that_is_silent_is_seen_until_it_answers() {
        let mut line = status_line(1, [running()]);
        assert!(!line.set_silence(None));
        assert!(line.set_silence(Some(Duration::from_secs(2))));
        let text = line.to_string();
        assert!(
            text.starts_with("running; the runtime has not answered for 2"),
            "{text}"
        );
        assert!(line.set_silence(None));
        assert_eq!(line.to_string(), "running");
    }

    #[test]
    fn a_line_is_one_line_of_bounded_length() {
        let names = ["a\nREADY=1", &"ü".repeat(400)];
        for name in names {
            let line = status_line(2, [starting(name)]).to_string();
            assert!(!line.contains('\n') && line.len() <= LENGTH + '…'.len_utf8());
        }
    }
}
