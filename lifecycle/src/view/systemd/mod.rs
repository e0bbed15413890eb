//! systemd, where it started us: what [`sd_notify(3)`] describes, over a socket made before anything else.
//!
//! A thread tells it, so that the life waits for nobody. What systemd acts upon is told at once, and none of it is lost;
//! what only says how far we are is told ten times a second at most, so that of ten thousand starts it hears a few.
//!
//! [`sd_notify(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

mod channel;
mod notifier;
mod pings;
mod status;

use std::future::Future;
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::runtime;

use self::channel::Channel;
use crate::api::event::{Event, EventKind};
use crate::life::liveness::Liveness;
use crate::plan::Plan;
use crate::report::Report;
use crate::view::systemd::notifier::Told;

/// What the last words may take when systemd does not listen.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What systemd left for us in the environment.
pub(crate) struct Systemd {
    channel: Option<Channel>,
    watchdog: Option<Duration>,
}

/// The way to the thread that tells it; to nobody where systemd did not start us.
pub(crate) struct Teller {
    messages: Option<Sender<Message>>,
    watchdog: Option<Duration>,
}

/// The thread has been handed its last words.
#[derive(Default)]
#[must_use = "the process must not end before"]
pub(crate) struct LastWords(Option<Receiver<()>>);

enum Message {
    Event {
        event: Event,
        /// When a reload began, on the clock that systemd goes by.
        reload: Option<NotifyState<'static>>,
    },
    /// The app's runtime has answered.
    Alive,
    /// It has not, for so long.
    Silent(Duration),
    End(String, SyncSender<()>),
}

impl Systemd {
    /// Takes what systemd left out of the environment, so that no child takes it for its own. Nothing where there is
    /// nothing, or where it cannot be used: to be watched is no condition for living.
    ///
    /// To be called while the process has one thread.
    pub(crate) fn capture() -> Self {
        Self {
            watchdog: pings::interval(),
            channel: Channel::capture(),
        }
    }

    /// Starts the thread, where there is somebody to talk to.
    pub(crate) fn start(self, plan: &Plan) -> io::Result<Teller> {
        let Some(channel) = self.channel else {
            return Ok(Teller::NOBODY);
        };
        let told = Told::new(channel, plan.components.len());
        let startup = plan.limits.startup;
        let (sender, messages) = std::sync::mpsc::channel();
        thread::Builder::new()
            .name("lifecycle-systemd".into())
            .spawn(move || told.lead(startup, &messages))?;
        Ok(Teller {
            messages: Some(sender),
            watchdog: self.watchdog,
        })
    }
}

impl Teller {
    /// Whether there is nobody to tell.
    pub(crate) fn is_nobody(&self) -> bool {
        self.messages.is_none()
    }

    pub(crate) const NOBODY: Self = Self {
        messages: None,
        watchdog: None,
    };

    /// What hears each notice: a reload's as it begins, so that systemd's next one is not taken for it.
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

    /// Keeps systemd's watchdog quiet for as long as the runtime answers. To be run by the driver: then it tells of both.
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

    /// Tells it how the life ended.
    pub(crate) fn finish(&self, report: &Report) -> LastWords {
        let messages = self.messages.as_ref();
        LastWords(messages.and_then(|messages| {
            let (told, is_stop_requested) = sync_channel(1);
            let how = match report.root_error() {
                Some(root) => format!("{}: {root}", report.summary()),
                None => report.summary(),
            };
            messages.send(Message::End(how, told)).ok()?;
            Some(is_stop_requested)
        }))
    }
}

impl LastWords {
    /// Waits until they are with systemd, which hears them before it hears of our end.
    pub(crate) fn wait(self, left: Duration) {
        if let Some(is_stop_requested) = self.0 {
            let _ = is_stop_requested.recv_timeout(LAST_WORDS.min(left));
        }
    }
}
