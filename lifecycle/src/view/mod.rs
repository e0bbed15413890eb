//! The viewers of a life, all of them built on its events: the console on a terminal, else the log; systemd; the
//! probes, the metrics and the live picture; the user's observers; and, from its report, the report file.
//!
//! Each runs on a thread of its own, so that an output that blocks or is gone holds up neither the life nor another
//! viewer.

#[cfg(feature = "admin")]
pub(crate) mod admin;
#[cfg(not(feature = "admin"))]
#[path = "admin/disabled.rs"]
pub(crate) mod admin;
#[cfg(feature = "console")]
mod console;
mod finishing;
pub(crate) mod log;
pub(crate) mod observers;
pub(crate) mod picture;
mod plain;
pub(crate) mod print;
mod report_file;
#[cfg(feature = "json")]
mod report_json;
/// Without the feature no path of a JSON file is accepted.
#[cfg(not(feature = "json"))]
mod report_json {
    pub(super) fn render(_: &crate::report::Report) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}
mod screen;
mod screen_thread;
#[cfg(any(
    feature = "admin",
    feature = "console",
    all(feature = "systemd", target_os = "linux")
))]
#[cfg_attr(
    not(all(
        feature = "admin",
        feature = "console",
        feature = "systemd",
        target_os = "linux"
    )),
    allow(dead_code, reason = "each viewer reads a part of it")
)]
mod status;
pub(crate) mod stderr;
#[cfg(all(feature = "systemd", target_os = "linux"))]
pub(crate) mod systemd;
#[cfg(not(all(feature = "systemd", target_os = "linux")))]
#[path = "systemd/disabled.rs"]
pub(crate) mod systemd;
mod warnings;

use std::sync::mpsc::{Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};

use crate::api::event::{Event, Observer, UserObserver};
use crate::plan::Plan;
use crate::plan::environment::Console;
use crate::plan::environment::report_path::ReportPath;
use crate::report::Report;
use crate::view::finishing::{Finishing, ObserversFirst};
use crate::view::log::Quiet;
use crate::view::observers::Observers;
use crate::view::report_file::ReportFile;
use crate::view::screen_thread::{Finish, Flush, Message};
use crate::view::systemd::NotifierHandle;
use crate::view::warnings::Warnings;

/// The threads that show what happens: the one of the screen, the one that writes the report to a file, the one that
/// notifies systemd, and those of the observers.
pub(crate) struct View {
    messages: Sender<Message>,
    warnings: Warnings,
    observers: Observers,
    file: Option<ReportFile>,
    pub(crate) systemd: NotifierHandle,
}

impl View {
    /// Starts the view of a whole process.
    pub(crate) fn start(
        plan: &Plan,
        console: Console,
        file: Option<ReportPath>,
        systemd: NotifierHandle,
        observers: Vec<UserObserver>,
    ) -> std::io::Result<Self> {
        let file = file.map(ReportFile::start).transpose()?;
        let (sender, messages) = channel();
        let (screen, show_late) = screen_thread::choose(plan, console);
        let warnings = Warnings::new(sender.clone(), show_late);
        let observers = Observers::start(observers, &warnings.sink())?;
        screen_thread::start(messages, screen)?;
        Ok(Self {
            messages: sender,
            warnings,
            observers,
            file,
            systemd,
        })
    }

    /// Starts the log alone, with the subscriber of the calling thread. Nothing is written to standard error.
    pub(crate) fn log(observers: Vec<UserObserver>) -> std::io::Result<Self> {
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        let (sender, messages) = channel();
        let warnings = Warnings::new(sender.clone(), log::recorder());
        let observers = Observers::start(observers, &warnings.sink())?;
        screen_thread::start_with(subscriber, messages, Box::new(Quiet))?;
        Ok(Self {
            messages: sender,
            warnings,
            observers,
            file: None,
            systemd: NotifierHandle::DETACHED,
        })
    }

    /// Returns what passes each event on to the threads. It returns at once.
    pub(crate) fn observer(&self) -> Observer {
        let sender = self.messages.clone();
        let mut notify_systemd = self.systemd.observer();
        let mut feed = self.observers.feed();
        Box::new(move |event| {
            notify_systemd(&event);
            feed(&event);
            let _ = sender.send(Message::Event(event));
        })
    }

    /// Whether everything has been shown when `flush` is called: no other thread has anything to write.
    pub(crate) fn is_last(&self) -> bool {
        self.file.is_none() && self.systemd.is_detached() && self.observers.is_empty()
    }

    /// Shows how the life ended, and then calls `flush`, both on the screen's thread; meanwhile writes the report file,
    /// and passes the last event to the observers. They are through before `flush` is called: what they write may be
    /// buffered.
    pub(crate) fn finish(self, report: Report, flush: impl FnOnce() + Send + 'static) -> Finishing {
        if let Some(file) = &self.file {
            file.begin(report.clone());
        }
        let last_line = self.systemd.finish(&report);
        let exit_code = report.exit_code();
        let _ = self.messages.send(Message::Event(Event::ended(exit_code)));
        // From here on the screen shows the report, and nothing after it.
        self.warnings.bypass();
        let (observers, proceed) = if self.observers.is_empty() {
            (None, None)
        } else {
            let (proceed, may_proceed) = sync_channel(1);
            let last_events = self.observers.finish(exit_code);
            let first = ObserversFirst {
                last_events,
                proceed,
            };
            (Some(first), Some(may_proceed))
        };
        let (written, is_written) = sync_channel(1);
        let (flushed, is_flushed) = sync_channel(1);
        let flush: Flush = Arc::new(Mutex::new(Some(Box::new(flush))));
        let finish = Finish {
            report: Box::new(report),
            written,
            proceed,
            flush: Arc::clone(&flush),
            flushed,
        };
        let _ = self.messages.send(Message::Finish(finish));
        Finishing {
            is_written,
            observers,
            is_flushed,
            flush,
            file: self.file,
            last_line,
        }
    }
}
