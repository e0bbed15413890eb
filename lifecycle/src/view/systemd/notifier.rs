//! What systemd has been told, and is to be told next.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use super::Message;
use super::channel::Channel;
use super::status::Status;
use crate::api::event::EventKind;

/// How long after our own limits systemd may give up on us: what the kernel's timers take, should they have to.
const MARGIN: Duration = Duration::from_secs(1);
/// How often it is told how far we are, at most.
const TICK: Duration = Duration::from_millis(100);

/// How often what it was promised is promised again: a `systemctl daemon-reload` has it forget.
const AGAIN: Duration = Duration::from_secs(5);

pub(super) struct Told {
    channel: Channel,
    status: Status,
    reloading: bool,
    /// When what we are at will be over, whatever the unit says.
    over: Option<Instant>,
    /// When the status was told last.
    at: Instant,
    /// It has changed since.
    is_due: bool,
}

impl Told {
    pub(super) fn new(channel: Channel, components: usize) -> Self {
        Self {
            channel,
            status: Status::new(components),
            reloading: false,
            over: None,
            at: Instant::now(),
            is_due: false,
        }
    }

    /// Tells what comes, until there is nobody left whom it could come from.
    pub(super) fn lead(mut self, startup: Duration, messages: &Receiver<Message>) {
        // Up or given up by then, whatever `TimeoutStartSec=` says.
        self.promise(startup);
        self.tell(&[]);
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
                Ok(Message::Event { event, reload }) => self.hear(event.kind(), reload),
                Ok(Message::Alive) => {
                    self.channel.tell(&[NotifyState::Watchdog]);
                    self.is_due |= self.status.hear_of_runtime(None);
                }
                Ok(Message::Silent(time)) => {
                    self.is_due |= self.status.hear_of_runtime(Some(time));
                }
                Ok(Message::End(how, told)) => {
                    self.status.end(how);
                    self.tell(&[]);
                    let _ = told.send(());
                    return;
                }
                Err(RecvTimeoutError::Timeout) => self.tell(&[]),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn hear(&mut self, notice: &EventKind, reload: Option<NotifyState<'_>>) {
        self.is_due |= self.status.hear(notice);
        match notice {
            EventKind::Running { .. } => {
                self.over = None;
                self.tell(&[NotifyState::Ready]);
            }
            EventKind::ReloadBegan { time_limit } => {
                self.reloading = true;
                self.promise(*time_limit);
                let states = [Some(NotifyState::Reloading), reload];
                self.tell(&states.into_iter().flatten().collect::<Vec<_>>());
            }
            EventKind::ReloadEnded => {
                self.reloading = false;
                self.over = None;
                self.tell(&[NotifyState::Ready]);
            }
            EventKind::ShutdownBegan { time_limit, .. } => {
                // Older versions do not hear of a stop before the reload is over.
                if std::mem::take(&mut self.reloading) {
                    self.channel.tell(&[NotifyState::Ready]);
                }
                // It starts systemd's own clock, which must not be shorter than ours.
                self.promise(*time_limit);
                self.tell(&[NotifyState::Stopping]);
            }
            _ => {}
        }
    }

    /// What we are at will be over within so long.
    fn promise(&mut self, limit: Duration) {
        self.over = Some(Instant::now() + limit + MARGIN);
    }

    /// Tells it these, until when we have promised to be through, and how far we are.
    fn tell(&mut self, states: &[NotifyState<'_>]) {
        self.at = Instant::now();
        self.is_due = false;
        let mut states = states.to_vec();
        // `NotifyState` has but 71 minutes for it.
        let over = self
            .over
            .map(|over| over.saturating_duration_since(self.at));
        let extended = over.map(|left| format!("EXTEND_TIMEOUT_USEC={}", left.as_micros()));
        states.extend(extended.as_deref().map(NotifyState::Custom));
        let status = self.status.to_string();
        states.push(NotifyState::Status(&status));
        self.channel.tell(&states);
    }
}
