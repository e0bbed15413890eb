//! systemd, where it started the process: the protocol of [`sd_notify(3)`], over a socket made before anything else.
//!
//! A thread of its own sends, so that a manager that does not read holds up no part of the life. What systemd acts upon
//! is sent at once, and none of it is lost; the status line is sent ten times a second at most, however many components
//! start.
//!
//! [`sd_notify(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

mod channel;
mod message;
mod notifier;
mod pings;
mod status_line;

use std::future::Future;
use std::io;
use std::sync::mpsc::{Receiver, Sender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::runtime;

use crate::api::event::{Event, EventKind};
use crate::life::liveness::Liveness;
use crate::plan::Plan;
use crate::report::Report;
use crate::view::status::Status;
use crate::view::systemd::channel::Channel;
use crate::view::systemd::message::Message;
use crate::view::systemd::notifier::Notifier;

/// What the last status line may take if systemd does not read it.
const LAST_LINE: Duration = Duration::from_millis(100);

/// What systemd passed in the environment.
pub(crate) struct Systemd {
    channel: Option<Channel>,
    watchdog: Option<Duration>,
}

/// The handle of the notifier's thread; there is none where systemd did not start the process.
pub(crate) struct NotifierHandle {
    messages: Option<Sender<Message>>,
    watchdog: Option<Duration>,
}

/// The thread has been sent how the life ended.
#[derive(Default)]
#[must_use = "the process must not end before"]
pub(crate) struct LastLine(Option<Receiver<()>>);

impl Systemd {
    /// Takes systemd's variables out of the environment, so that no child inherits them. One that is missing or cannot
    /// be used is no error: an app starts without its supervisor as well.
    ///
    /// To be called while the process has one thread.
    pub(crate) fn capture() -> Self {
        Self {
            watchdog: pings::interval(),
            channel: Channel::capture(),
        }
    }

    /// Starts the notifier's thread, where there is a socket.
    pub(crate) fn start(self, plan: &Plan) -> io::Result<NotifierHandle> {
        let Some(channel) = self.channel else {
            return Ok(NotifierHandle::DETACHED);
        };
        let notifier = Notifier::new(channel, Status::new(plan, Instant::now()));
        let startup = plan.limits.startup;
        let (sender, messages) = std::sync::mpsc::channel();
        thread::Builder::new()
            .name("lifecycle-systemd".into())
            .spawn(move || notifier.run(startup, &messages))?;
        Ok(NotifierHandle {
            messages: Some(sender),
            watchdog: self.watchdog,
        })
    }
}

impl NotifierHandle {
    /// Whether there is no thread.
    pub(crate) fn is_detached(&self) -> bool {
        self.messages.is_none()
    }

    /// Without a thread: every message is dropped.
    pub(crate) const DETACHED: Self = Self {
        messages: None,
        watchdog: None,
    };

    /// Returns what passes each event on. The instant of a reload is taken at once, not when the thread gets to it: by
    /// it systemd tells which of its requests the reload answers.
    pub(crate) fn observer(&self) -> impl FnMut(&Event) + Send + use<> {
        let messages = self.messages.clone();
        move |event| {
            let Some(messages) = &messages else { return };
            let begins = matches!(event.kind(), EventKind::ReloadBegan { .. });
            let _ = messages.send(Message::Event {
                event: event.clone(),
                reload: begins
                    .then(NotifyState::monotonic_usec_now)
                    .and_then(Result::ok),
            });
        }
    }

    /// Keeps systemd's watchdog from firing for as long as the app's runtime answers. To be run by the driver's
    /// runtime, so that it vouches for both.
    pub(crate) fn pings(
        &self,
        runtime: runtime::Handle,
    ) -> impl Future<Output = ()> + Send + use<> {
        let to = self.messages.clone().zip(self.watchdog);
        async move {
            if let Some((messages, limit)) = to {
                pings::send(Liveness::new(runtime), limit, messages).await;
            }
        }
    }

    /// Sends how the life ended.
    pub(crate) fn finish(&self, report: &Report) -> LastLine {
        let messages = self.messages.as_ref();
        LastLine(messages.and_then(|messages| {
            let (sent, is_sent) = sync_channel(1);
            let how = match report.root_error() {
                Some(root) => format!("{}: {root}", report.summary()),
                None => report.summary(),
            };
            messages.send(Message::End(how, sent)).ok()?;
            Some(is_sent)
        }))
    }
}

impl LastLine {
    /// Waits until it has been sent, so that systemd reads it before it sees the process end.
    pub(crate) fn wait(self, remaining: Duration) {
        if let Some(is_sent) = self.0 {
            let _ = is_sent.recv_timeout(LAST_LINE.min(remaining));
        }
    }
}
