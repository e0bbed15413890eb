//! What systemd has been told, and is to be told next.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use super::Message;
use super::channel::Channel;
use super::status::Status;
use crate::life::notice::Notice;

/// How long after our own limits systemd may give up on us: what the kernel's timers take, should they have to.
const MARGIN: Duration = Duration::from_secs(1);
/// How often it is told how far we are, at most.
const TICK: Duration = Duration::from_millis(100);

pub(super) struct Told {
    channel: Channel,
    status: Status,
    reloading: bool,
    /// When the status was told last.
    at: Option<Instant>,
    /// It has changed since.
    is_due: bool,
}

impl Told {
    pub(super) fn new(channel: Channel, components: usize) -> Self {
        Self {
            channel,
            status: Status::new(components),
            reloading: false,
            at: None,
            is_due: false,
        }
    }

    /// Tells what comes, until there is nobody left whom it could come from.
    pub(super) fn lead(mut self, startup: Duration, messages: &Receiver<Message>) {
        // Up or given up by then, whatever `TimeoutStartSec=` says.
        self.tell(&[extended(startup).as_state()]);
        loop {
            let wait = self
                .at
                .map_or(Duration::ZERO, |at| TICK.saturating_sub(at.elapsed()));
            let message = if self.is_due {
                messages.recv_timeout(wait)
            } else {
                messages.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match message {
                Ok(Message::Notice { notice, reload }) => self.hear(&notice, reload),
                Ok(Message::Alive) => {
                    self.channel.tell(&[NotifyState::Watchdog]);
                    self.is_due |= self.status.hear_of_runtime(None);
                }
                Ok(Message::Silent(time)) => self.is_due |= self.status.hear_of_runtime(Some(time)),
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

    fn hear(&mut self, notice: &Notice, reload: Option<NotifyState<'_>>) {
        self.is_due |= self.status.hear(notice);
        match notice {
            Notice::Running { .. } => self.tell(&[NotifyState::Ready]),
            Notice::Reloading { limit } => {
                self.reloading = true;
                let extended = extended(*limit);
                let mut states = vec![NotifyState::Reloading];
                states.extend(reload);
                states.push(extended.as_state());
                self.tell(&states);
            }
            Notice::ReloadEnded => {
                self.reloading = false;
                self.tell(&[NotifyState::Ready]);
            }
            Notice::Stopping { limit, .. } => {
                // Older versions do not hear of a stop before the reload is over.
                if std::mem::take(&mut self.reloading) {
                    self.channel.tell(&[NotifyState::Ready]);
                }
                // It starts systemd's own clock, which must not be shorter than ours.
                self.tell(&[NotifyState::Stopping, extended(*limit).as_state()]);
            }
            _ => {}
        }
    }

    /// Tells it these, and how far we are.
    fn tell(&mut self, states: &[NotifyState<'_>]) {
        let status = self.status.to_string();
        let mut states = states.to_vec();
        states.push(NotifyState::Status(&status));
        self.channel.tell(&states);
        self.at = Some(Instant::now());
        self.is_due = false;
    }
}

/// What extends the time that the present state may take: to so much from now, and never less than the unit says.
fn extended(limit: Duration) -> Extended {
    // `NotifyState` has but 71 minutes for it.
    Extended(format!(
        "EXTEND_TIMEOUT_USEC={}",
        (limit + MARGIN).as_micros()
    ))
}

struct Extended(String);

impl Extended {
    fn as_state(&self) -> NotifyState<'_> {
        NotifyState::Custom(&self.0)
    }
}
