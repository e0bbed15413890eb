//! The thread that notifies systemd: what it has been sent, and what it is to be sent next.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::api::event::{Event, EventKind};
use crate::view::status::Status;
use crate::view::systemd::channel::Channel;
use crate::view::systemd::message::Message;
use crate::view::systemd::status_line::StatusLine;

/// How long after our own limits systemd may give up on us: what the kernel's timers take, should they have to.
const MARGIN: Duration = Duration::from_secs(1);
/// The least time between two status lines.
const TICK: Duration = Duration::from_millis(100);
/// How often the time that systemd was asked for is asked for again: a `systemctl daemon-reload` makes it forget.
const AGAIN: Duration = Duration::from_secs(5);

pub(super) struct Notifier {
    channel: Channel,
    line: StatusLine,
    reloading: bool,
    /// When the start, reload or stop that is under way ends at the latest, whatever the unit says.
    over: Option<Instant>,
    /// When the status line was sent last.
    at: Instant,
    /// The line has changed since.
    is_due: bool,
}

impl Notifier {
    pub(super) fn new(channel: Channel, status: Status) -> Self {
        Self {
            channel,
            line: StatusLine::new(status),
            reloading: false,
            over: None,
            at: Instant::now(),
            is_due: false,
        }
    }

    /// Passes messages on to systemd, until the life has ended or all senders are gone.
    pub(super) fn run(mut self, startup: Duration, messages: &Receiver<Message>) {
        // The app is up, or has given up, by then, whatever `TimeoutStartSec=` says.
        self.promise(startup);
        self.notify(&[]);
        loop {
            let wait = match (self.is_due, self.over) {
                (true, _) => Some(TICK),
                (false, Some(_)) => Some(AGAIN),
                (false, None) => None,
            };
            let message = match wait {
                Some(wait) => messages.recv_timeout(wait.saturating_sub(self.at.elapsed())),
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(Message::Event { event, reload }) => self.on_event(&event, reload),
                Ok(Message::Alive) => {
                    self.channel.send(&[NotifyState::Watchdog]);
                    self.is_due |= self.line.set_silence(None);
                }
                Ok(Message::Silent(time)) => {
                    self.is_due |= self.line.set_silence(Some(time));
                }
                Ok(Message::End(how, sent)) => {
                    self.line.end(how);
                    self.notify(&[]);
                    let _ = sent.send(());
                    return;
                }
                Err(RecvTimeoutError::Timeout) => self.notify(&[]),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// What systemd acts upon is sent at once; what only changes the line when it is due.
    fn on_event(&mut self, event: &Event, reload: Option<NotifyState<'_>>) {
        self.is_due |= self.line.apply(event);
        match event.kind() {
            EventKind::Running { .. } => {
                self.over = None;
                self.notify(&[NotifyState::Ready]);
            }
            EventKind::ReloadBegan { time_limit } => {
                self.reloading = true;
                self.promise(*time_limit);
                let states = [Some(NotifyState::Reloading), reload];
                self.notify(&states.into_iter().flatten().collect::<Vec<_>>());
            }
            EventKind::ReloadEnded => {
                self.reloading = false;
                self.over = None;
                self.notify(&[NotifyState::Ready]);
            }
            EventKind::ShutdownBegan { time_limit, .. } => {
                // Older versions ignore a stop before the reload is over.
                if std::mem::take(&mut self.reloading) {
                    self.channel.send(&[NotifyState::Ready]);
                }
                // It starts systemd's own clock, which must not be shorter than ours.
                self.promise(*time_limit);
                self.notify(&[NotifyState::Stopping]);
            }
            _ => {}
        }
    }

    /// What is under way will be over within this time.
    fn promise(&mut self, limit: Duration) {
        self.over = Some(Instant::now() + limit + MARGIN);
    }

    /// Sends these, the time by which what is under way is over, and the status line.
    fn notify(&mut self, states: &[NotifyState<'_>]) {
        self.at = Instant::now();
        self.is_due = false;
        let mut states = states.to_vec();
        // `NotifyState::ExtendTimeoutUsec` has but 71 minutes for it.
        let remaining = self
            .over
            .map(|over| over.saturating_duration_since(self.at));
        let extended = remaining.map(|time| format!("EXTEND_TIMEOUT_USEC={}", time.as_micros()));
        states.extend(extended.as_deref().map(NotifyState::Custom));
        let line = self.line.to_string();
        states.push(NotifyState::Status(&line));
        self.channel.send(&states);
    }
}
