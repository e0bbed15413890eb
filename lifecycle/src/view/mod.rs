//! Who watches the life of a process: the console on a terminal, else the log. A thread of its own, so that an output
//! that blocks or is gone holds up nobody.

#[cfg(feature = "admin")]
pub(crate) mod admin;
#[cfg(not(feature = "admin"))]
#[path = "admin/disabled.rs"]
pub(crate) mod admin;
#[cfg(feature = "console")]
mod console;
pub(crate) mod log;
pub(crate) mod picture;
mod plain;
pub(crate) mod print;
mod report_file;
#[cfg(feature = "json")]
mod report_json;
/// No path of such a file is accepted then.
#[cfg(not(feature = "json"))]
mod report_json {
    pub(super) fn render(_: &crate::report::Report) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}
mod screen;
#[cfg(any(
    feature = "admin",
    feature = "console",
    all(feature = "systemd", target_os = "linux")
))]
mod status;
pub(crate) mod stderr;
#[cfg(all(feature = "systemd", target_os = "linux"))]
pub(crate) mod systemd;
#[cfg(not(all(feature = "systemd", target_os = "linux")))]
#[path = "systemd/disabled.rs"]
pub(crate) mod systemd;

use std::io::IsTerminal as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::report_file::ReportFile;
use self::systemd::{LastLine, NotifierHandle};
use crate::api::event::{Event, Observer};
use crate::error::panic::caught;
use crate::plan::Plan;
use crate::plan::environment::Console;
use crate::plan::environment::report_path::ReportPath;
use crate::report::Report;
use crate::sys;
use crate::view::screen::Screen;

/// How often live lines are drawn again.
const TICK: Duration = Duration::from_millis(100);

enum Message {
    Event(Event),
    Finish(Finish),
}

type Flush = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

struct Finish {
    report: Box<Report>,
    written: SyncSender<()>,
    flush: Flush,
    flushed: SyncSender<()>,
}

/// The end is being shown.
#[must_use = "the process must not end before"]
pub(crate) struct Finishing {
    is_written: Receiver<()>,
    is_flushed: Receiver<()>,
    flush: Flush,
    file: Option<ReportFile>,
    last_line: LastLine,
}

/// The thread that shows what happens, and the one that writes the report to a file.
pub(crate) struct View {
    messages: Sender<Message>,
    file: Option<ReportFile>,
    pub(crate) systemd: NotifierHandle,
}

impl View {
    pub(crate) fn start(
        plan: &Plan,
        console: Console,
        file: Option<ReportPath>,
        systemd: NotifierHandle,
    ) -> std::io::Result<Self> {
        let file = file.map(ReportFile::start).transpose()?;
        let (sender, messages) = channel();
        let screen = screen(plan, console);
        thread::Builder::new()
            .name("lifecycle-view".into())
            .spawn(move || {
                sys::signals::write_in_background();
                show(&messages, screen);
            })?;
        Ok(Self {
            messages: sender,
            file,
            systemd,
        })
    }

    /// The log alone, of whoever calls this: nothing is written to standard error.
    pub(crate) fn log() -> std::io::Result<Self> {
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        let (sender, messages) = channel();
        thread::Builder::new()
            .name("lifecycle-view".into())
            .spawn(move || {
                tracing::dispatcher::with_default(&subscriber, || {
                    show(&messages, Box::new(log::Quiet))
                });
            })?;
        Ok(Self {
            messages: sender,
            file: None,
            systemd: NotifierHandle::DETACHED,
        })
    }

    pub(crate) fn observer(&self) -> Observer {
        let sender = self.messages.clone();
        let mut notify_systemd = self.systemd.observer();
        Box::new(move |event| {
            notify_systemd(&event);
            let _ = sender.send(Message::Event(event));
        })
    }

    /// Whether all is told when `flush` is called: no other thread has anything to write.
    pub(crate) fn is_last(&self) -> bool {
        self.file.is_none() && self.systemd.is_detached()
    }

    /// Shows the end, and then calls `flush`, both on the view's thread; writes the file beside them.
    pub(crate) fn finish(self, report: Report, flush: impl FnOnce() + Send + 'static) -> Finishing {
        if let Some(file) = &self.file {
            file.begin(report.clone());
        }
        let last_line = self.systemd.finish(&report);
        let (written, is_written) = sync_channel(1);
        let (flushed, is_flushed) = sync_channel(1);
        let flush: Flush = Arc::new(Mutex::new(Some(Box::new(flush))));
        let finish = Finish {
            report: Box::new(report),
            written,
            flush: Arc::clone(&flush),
            flushed,
        };
        let _ = self.messages.send(Message::Finish(finish));
        Finishing {
            is_written,
            is_flushed,
            flush,
            file: self.file,
            last_line,
        }
    }
}

impl Finishing {
    /// Waits until the end has been shown, flushed and written. Where the output does not take it within `limit`, the
    /// flush goes ahead without; it has until `left`, as has the file.
    pub(crate) fn wait(mut self, limit: Duration, left: Duration) {
        let begun = Instant::now();
        let file = self.file.take();
        let last_line = std::mem::take(&mut self.last_line);
        self.wait_for_flush(limit, left);
        if let Some(file) = file {
            file.wait(left.saturating_sub(begun.elapsed()));
        }
        last_line.wait(left.saturating_sub(begun.elapsed()));
    }

    fn wait_for_flush(self, limit: Duration, left: Duration) {
        let begun = Instant::now();
        let flushed = if self.is_written.recv_timeout(limit.min(left)).is_ok() {
            self.is_flushed
        } else {
            let (done, is_done) = sync_channel(1);
            let flush = self.flush;
            let spawned = thread::Builder::new()
                .name("lifecycle-flush".into())
                .spawn(move || {
                    sys::signals::write_in_background();
                    call(&flush);
                    let _ = done.send(());
                });
            if spawned.is_err() {
                return;
            }
            is_done
        };
        let _ = flushed.recv_timeout(left.saturating_sub(begun.elapsed()));
    }
}

/// Calls it, if nobody has.
fn call(flush: &Flush) {
    let flush = flush.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(flush) = flush {
        let _ = caught(flush);
    }
}

fn screen(plan: &Plan, console: Console) -> Box<dyn Screen + Send> {
    let is_terminal = std::io::stderr().is_terminal()
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    match console {
        Console::Off => Box::new(log::Log),
        Console::Auto if !is_terminal => Box::new(log::Log),
        Console::On if !is_terminal => Box::new(plain::Lines),
        Console::Auto | Console::On => live(plan),
    }
}

#[cfg(feature = "console")]
fn live(plan: &Plan) -> Box<dyn Screen + Send> {
    Box::new(console::Live::new(console::Progress::new(plan)))
}

/// Without the feature nothing is drawn again.
#[cfg(not(feature = "console"))]
fn live(_: &Plan) -> Box<dyn Screen + Send> {
    Box::new(plain::Lines)
}

fn show(messages: &Receiver<Message>, mut screen: Box<dyn Screen + Send>) {
    let mut live = false;
    loop {
        let message = if live {
            messages.recv_timeout(TICK)
        } else {
            messages.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match message {
            Ok(Message::Event(event)) => {
                screen.event(&event);
                live = screen.tick();
            }
            Ok(Message::Finish(finish)) => {
                screen.finish(&finish.report);
                let _ = finish.written.send(());
                call(&finish.flush);
                let _ = finish.flushed.send(());
                return;
            }
            Err(RecvTimeoutError::Timeout) => live = screen.tick(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
