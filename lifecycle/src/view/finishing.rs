//! [`Finishing`]: waits until a life's end has been shown, within the time that remains.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::sys;
use crate::view::observers::LastEvents;
use crate::view::report_file::ReportFile;
use crate::view::screen_thread::{Flush, call};
use crate::view::systemd::LastLine;

/// What is kept of the time for the flush, which comes after the observers.
const FLUSH: Duration = Duration::from_millis(250);

/// The end is being shown.
#[must_use = "the process must not end before"]
pub(crate) struct Finishing {
    pub(super) is_written: Receiver<()>,
    pub(super) observers: Option<ObserversFirst>,
    pub(super) is_flushed: Receiver<()>,
    pub(super) flush: Flush,
    pub(super) file: Option<ReportFile>,
    pub(super) last_line: LastLine,
}

/// The observers' last events, and what lets the screen's thread flush after them.
pub(super) struct ObserversFirst {
    pub(super) last_events: LastEvents,
    pub(super) proceed: SyncSender<()>,
}

impl Finishing {
    /// Waits until the end has been shown and flushed, the observers have got all events, and the file is written. If
    /// the output does not take the end within `limit`, the flush goes ahead without it. All of it has until
    /// `remaining`.
    pub(crate) fn wait(mut self, limit: Duration, remaining: Duration) {
        let begun = Instant::now();
        let file = self.file.take();
        let last_line = std::mem::take(&mut self.last_line);
        self.wait_for_flush(limit, remaining);
        if let Some(file) = file {
            file.wait(remaining.saturating_sub(begun.elapsed()));
        }
        last_line.wait(remaining.saturating_sub(begun.elapsed()));
    }

    fn wait_for_flush(self, limit: Duration, remaining: Duration) {
        let begun = Instant::now();
        let is_written = self.is_written.recv_timeout(limit.min(remaining)).is_ok();
        if let Some(observers) = self.observers {
            let time = remaining.saturating_sub(begun.elapsed());
            observers.last_events.wait(time - FLUSH.min(time / 2));
            let _ = observers.proceed.send(());
        }
        let flushed = if is_written {
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
        let _ = flushed.recv_timeout(remaining.saturating_sub(begun.elapsed()));
    }
}
