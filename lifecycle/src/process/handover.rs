//! The end of the process: which thread ends it, and what is written before.
//!
//! The driver's thread ends last of all, but it cannot drop the app's runtime: main does, unless user code holds it up there.
//! So the driver hands the end of the process over to main, and takes it back where main does not come. The [`Handover`]
//! makes sure that one of the two does it, once.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::SIGABRT;

use super::{user_exit, watchdog};
use crate::report::Report;
use crate::view::View;
use crate::view::admin::Admin;

/// What the end of the runtime may take.
const BOUND: Duration = Duration::from_millis(100);
/// What the flush of writers may take on the forced path.
const FLUSH: Duration = Duration::from_millis(250);
/// What writing the report may take when the output does not take it.
const REPORT: Duration = Duration::from_millis(500);

/// What remains to be done when the life has ended.
pub(super) struct Ending {
    /// `None` where the driver could not lead the life.
    pub(super) report: Option<Report>,
    pub(super) view: View,
    pub(super) admin: Admin,
    pub(super) flush: Box<dyn FnOnce() + Send>,
}

/// How the app's runtime has ended.
#[derive(Clone, Copy)]
enum EndOfRuntime {
    Dropped,
    /// It was not dropped within this time.
    NotDropped(Duration),
    /// There is no time to drop it.
    Forced,
}

/// Passes the [`Ending`] from the driver's thread to main, or back. The one that takes it out ends the process.
#[derive(Default)]
pub(super) struct Handover {
    ending: Mutex<Option<Ending>>,
    /// Main has dropped the runtime.
    dropped: AtomicBool,
}

impl Handover {
    /// Called by the driver's thread. `release_main` has main drop the runtime.
    pub(super) fn give(&self, ending: Ending, release_main: impl FnOnce()) -> ! {
        // A thread that has called `exit` may be main itself, or one of the runtime.
        if ending.code() > 128 || user_exit::is_under_way() {
            ending.end(EndOfRuntime::Forced);
        }
        // Before main is released: then it finds what to take.
        *self.lock() = Some(ending);
        release_main();
        // Most of the remaining time is kept for the report and the buffers.
        let bound = BOUND.min(watchdog::remaining().map_or(BOUND, |remaining| remaining / 4));
        // Main may have dropped the runtime before there was anything to take: its own panic gets it there early.
        if !self.dropped.load(SeqCst) {
            thread::sleep(bound);
        }
        let end = if self.dropped.load(SeqCst) {
            EndOfRuntime::Dropped
        } else {
            EndOfRuntime::NotDropped(bound)
        };
        self.take(end);
        park()
    }

    /// Called by main, when it has dropped the runtime.
    pub(super) fn take_when_dropped(&self) {
        // Before it takes: where there is nothing to take yet, the driver's thread sees this.
        self.dropped.store(true, SeqCst);
        self.take(EndOfRuntime::Dropped);
    }

    /// Ends the process, unless the other thread has begun to.
    fn take(&self, runtime: EndOfRuntime) {
        let ending = self.lock().take();
        if let Some(ending) = ending {
            ending.end(runtime);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ending>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for another thread to end the process.
pub(super) fn park() -> ! {
    loop {
        thread::park();
    }
}

impl Ending {
    fn code(&self) -> i32 {
        self.report.as_ref().map_or(1, Report::exit_code)
    }

    /// Ends the process when all is written.
    fn end(self, runtime: EndOfRuntime) -> ! {
        let code = self.code();
        let Self {
            report,
            view,
            admin,
            flush,
        } = self;
        if let Some(mut report) = report {
            if let EndOfRuntime::NotDropped(bound) = runtime {
                report.abandon_runtime(bound);
            }
            let farewell = admin.finish(&report);
            let is_last = view.is_last() && farewell.is_none();
            let finishing = view.finish(report, move || {
                flush();
                if is_last {
                    exit(code, runtime);
                }
            });
            let remaining = watchdog::remaining().unwrap_or(BOUND);
            let time = match runtime {
                EndOfRuntime::Forced => FLUSH.min(remaining),
                EndOfRuntime::Dropped | EndOfRuntime::NotDropped(_) => remaining,
            };
            let begun = Instant::now();
            finishing.wait(REPORT, time);
            farewell.wait(time.saturating_sub(begun.elapsed()));
        }
        exit(code, runtime)
    }
}

/// Ends the process.
fn exit(code: i32, runtime: EndOfRuntime) -> ! {
    // A signal in the last moment, an abort for one, still decides the code.
    let forced = watchdog::forced();
    let code = forced.map_or(code, |signal| 128 + signal);
    match runtime {
        _ if !user_exit::decide(code) && forced.is_none() => park(),
        EndOfRuntime::Dropped if forced != Some(SIGABRT) => std::process::exit(code),
        // User code may still run, and needs what handlers of `exit` take down: so does a thread that is reporting that
        // its stack is full.
        _ => watchdog::end(code),
    }
}
