//! The screen's thread: it shows events as they come, redraws what changes with time, and shows the end.

use std::io::IsTerminal as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::Dispatch;

use crate::api::event::Event;
use crate::error::panic::caught;
use crate::plan::Plan;
use crate::plan::environment::Console;
use crate::report::Report;
use crate::sys;
use crate::view::log::Log;
use crate::view::plain::Lines;
use crate::view::screen::{Screen, Show};

/// How often live lines are redrawn.
const TICK: Duration = Duration::from_millis(100);

/// What the thread is sent.
pub(super) enum Message {
    Event(Event),
    Finish(Finish),
}

/// The last message.
pub(super) struct Finish {
    pub(super) report: Box<Report>,
    /// Sent when the report has been written.
    pub(super) written: SyncSender<()>,
    /// What the flush waits for; `None` if it need not wait.
    pub(super) proceed: Option<Receiver<()>>,
    pub(super) flush: Flush,
    /// Sent when the flush has returned.
    pub(super) flushed: SyncSender<()>,
}

/// The flush, which is called once, by the thread that gets to it first.
pub(super) type Flush = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Calls the flush, unless it has been called.
pub(super) fn call(flush: &Flush) {
    let flush = flush.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(flush) = flush {
        let _ = caught(flush);
    }
}

/// Chooses how to show a life, and how to show what comes after its end.
pub(super) fn choose(plan: &Plan, console: Console) -> (Box<dyn Screen + Send>, Show) {
    let is_terminal = std::io::stderr().is_terminal()
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    let log: Show = Arc::new(|event| Log.event(event));
    let lines: Show = Arc::new(|event| Lines.event(event));
    match console {
        Console::Off => (Box::new(Log), log),
        Console::Auto if !is_terminal => (Box::new(Log), log),
        Console::On if !is_terminal => (Box::new(Lines), lines),
        Console::Auto | Console::On => (live(plan), lines),
    }
}

#[cfg(feature = "console")]
fn live(plan: &Plan) -> Box<dyn Screen + Send> {
    use crate::view::console::{Live, Progress};

    Box::new(Live::new(Progress::new(plan)))
}

/// Without the feature nothing is redrawn.
#[cfg(not(feature = "console"))]
fn live(_: &Plan) -> Box<dyn Screen + Send> {
    Box::new(Lines)
}

/// Starts the thread.
pub(super) fn start(
    messages: Receiver<Message>,
    screen: Box<dyn Screen + Send>,
) -> std::io::Result<()> {
    let builder = thread::Builder::new().name("lifecycle-view".into());
    let run = move || {
        sys::signals::write_in_background();
        show(&messages, screen);
    };
    builder.spawn(run).map(drop)
}

/// Starts the thread with that subscriber.
pub(super) fn start_with(
    subscriber: Dispatch,
    messages: Receiver<Message>,
    screen: Box<dyn Screen + Send>,
) -> std::io::Result<()> {
    let builder = thread::Builder::new().name("lifecycle-view".into());
    let run = move || {
        tracing::dispatcher::with_default(&subscriber, || show(&messages, screen));
    };
    builder.spawn(run).map(drop)
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
                // A sender that is gone is as good: then the process does not wait for it.
                let _ = finish.proceed.map(|proceed| proceed.recv());
                call(&finish.flush);
                let _ = finish.flushed.send(());
                return;
            }
            Err(RecvTimeoutError::Timeout) => live = screen.tick(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
