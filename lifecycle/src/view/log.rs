//! The log: `tracing` events of the target `lifecycle`. Without a subscriber, warnings and errors go to standard error.

use std::sync::Arc;

use tracing::{debug, error, info, warn};

use crate::api::cleanup_layer::CleanupLayer;
use crate::api::event::{Event, EventKind, PendingWork};
use crate::error::escape::escape;
use crate::life::outcome::describe;
use crate::report::Report;
use crate::view::plain::line;
use crate::view::screen::Screen;
use crate::view::stderr::write_line;

pub(super) struct Log;

impl Screen for Log {
    fn event(&mut self, event: &Event) {
        record(event.kind());
        if !tracing::dispatcher::has_been_set()
            && let Some(line) = must_be_known(event.kind())
        {
            write_line(&line);
        }
    }

    fn finish(&mut self, report: &Report) {
        conclude(report);
        if report.needs_a_look() {
            write_line(report.to_string().trim_end());
        }
    }
}

/// The log alone: nothing goes to standard error.
pub(super) struct Quiet;

impl Screen for Quiet {
    fn event(&mut self, event: &Event) {
        record(event.kind());
    }

    fn finish(&mut self, report: &Report) {
        conclude(report);
    }
}

/// The line of an event that has to be seen without a subscriber as well.
fn must_be_known(event: &EventKind) -> Option<String> {
    let text = match event {
        EventKind::Warning { message: text } => format!("warning: {text}"),
        EventKind::SlowFirstPoll { .. } | EventKind::TaskPanicked { .. } => line(event)?,
        EventKind::StartFailed { .. } | EventKind::Failed { .. } | EventKind::Forced { .. } => {
            line(event)?
        }
        EventKind::Reloaded { error: Some(_), .. } => line(event)?,
        EventKind::Stopped {
            errors,
            unfinished_tasks,
            leases,
            ..
        } if !describe(errors, unfinished_tasks, leases).is_empty() => line(event)?,
        _ => return None,
    };
    Some(text)
}

/// Writes an event to the log of the calling thread.
pub(crate) fn record(event: &EventKind) {
    let millis = |time: &std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    match event {
        EventKind::Warning { message: text } => warn!(target: "lifecycle", "{text}"),
        EventKind::Starting { name, time_limit } => {
            debug!(target: "lifecycle", component = escape(name), allowed_ms = millis(time_limit), "starting");
        }
        EventKind::Started { name, took } => {
            info!(target: "lifecycle", component = escape(name), elapsed_ms = millis(took), "started");
        }
        EventKind::StartFailed {
            name,
            attempt,
            error,
            retry_in: Some(after),
        } => {
            warn!(target: "lifecycle", component = escape(name), attempt, error, again_in_ms = millis(after), "start failed, will be tried again");
        }
        EventKind::StartFailed {
            name,
            attempt,
            error,
            retry_in: None,
        } => {
            error!(target: "lifecycle", component = escape(name), attempt, error, "start failed");
        }
        EventKind::SlowFirstPoll { name } => {
            warn!(target: "lifecycle", component = escape(name), "first poll has not returned in 100ms, going on: it may block the runtime");
        }
        EventKind::Running { took } => {
            info!(target: "lifecycle", elapsed_ms = millis(took), "running")
        }
        EventKind::Finished { name } => {
            info!(target: "lifecycle", component = escape(name), "finished")
        }
        EventKind::Restarting { name, retry_in } => {
            info!(target: "lifecycle", component = escape(name), again_in_ms = millis(retry_in), "ended, will run again");
        }
        EventKind::Failed {
            name,
            error,
            retry_in: Some(after),
        } => {
            warn!(target: "lifecycle", component = escape(name), error, again_in_ms = millis(after), "failed, will run again");
        }
        EventKind::Failed {
            name,
            error,
            retry_in: None,
        } => {
            error!(target: "lifecycle", component = escape(name), error, "failed");
        }
        EventKind::ExpectedError { name, error } => {
            debug!(target: "lifecycle", component = escape(name), error, "ended with an error that stopping provokes");
        }
        EventKind::TaskPanicked { name, task, error } => {
            error!(target: "lifecycle", component = escape(name), task = escape(task), error = escape(error), "a task panicked");
        }
        EventKind::ShutdownBegan { reason, time_limit } => {
            info!(target: "lifecycle", %reason, limit_ms = millis(time_limit), "stopping");
        }
        EventKind::LameDuck { time } => {
            info!(target: "lifecycle", time_ms = millis(time), "not ready, still serving")
        }
        EventKind::Draining {
            pending,
            time_limit,
        } => {
            let PendingWork {
                in_flight, tasks, ..
            } = pending;
            info!(target: "lifecycle", in_flight, tasks, limit_ms = millis(time_limit), "draining");
        }
        EventKind::StillDraining { pending } => {
            let PendingWork {
                in_flight, tasks, ..
            } = pending;
            info!(target: "lifecycle", in_flight, tasks, "still draining");
        }
        EventKind::Stopping { name, time_limit } => {
            debug!(target: "lifecycle", component = escape(name), allowed_ms = millis(time_limit), "stopping component");
        }
        EventKind::EmergencyHook { name } => {
            warn!(target: "lifecycle", component = escape(name), "emergency hook")
        }
        EventKind::Stopped {
            name,
            took,
            layer,
            errors,
            unfinished_tasks,
            leases,
        } => {
            let note = describe(errors, unfinished_tasks, leases);
            let (layer, elapsed_ms) = (*layer, millis(took));
            if layer != CleanupLayer::Safe || !errors.is_empty() {
                error!(target: "lifecycle", component = escape(name), elapsed_ms, layer = layer.as_str(), error = note, "did not stop cleanly");
            } else if !note.is_empty() {
                warn!(target: "lifecycle", component = escape(name), elapsed_ms, layer = layer.as_str(), leak = note, "stopped, with something still in use");
            } else {
                info!(target: "lifecycle", component = escape(name), elapsed_ms, layer = layer.as_str(), "stopped");
            }
        }
        EventKind::Forced { exited: true, .. } => {
            error!(target: "lifecycle", "`exit` was called: emergency hooks only")
        }
        EventKind::Forced { signal, .. } => {
            error!(target: "lifecycle", signal, "forced: emergency hooks only")
        }
        EventKind::ReloadBegan { time_limit } => {
            info!(target: "lifecycle", limit_ms = millis(time_limit), "reloading")
        }
        EventKind::ReloadEnded => debug!(target: "lifecycle", "reload ended"),
        // For observers only; how the life ended is written from the report.
        EventKind::Lagged { .. } | EventKind::Ended { .. } => {}
        EventKind::Reloaded { name, error: None } => {
            info!(target: "lifecycle", component = escape(name), "reloaded")
        }
        EventKind::Reloaded {
            name,
            error: Some(error),
        } => {
            error!(target: "lifecycle", component = escape(name), error, "did not reload: its previous state stays in use");
        }
    }
}

/// Returns what writes an event to the log of the calling thread, on any thread.
pub(crate) fn recorder() -> Arc<dyn Fn(&Event) + Send + Sync> {
    let subscriber = tracing::dispatcher::get_default(Clone::clone);
    Arc::new(move |event| {
        tracing::dispatcher::with_default(&subscriber, || record(event.kind()));
    })
}

/// Writes how the life ended to the log.
pub(crate) fn conclude(report: &Report) {
    let (code, summary) = (report.exit_code(), report.summary());
    if let Some(abandoned) = report.abandoned_runtime() {
        warn!(target: "lifecycle", "{abandoned}");
    }
    if let Some(error) = report.root_error() {
        error!(target: "lifecycle", exit_code = code, error, "{summary}");
    } else if code == 0 {
        info!(target: "lifecycle", exit_code = code, "{summary}");
    } else {
        error!(target: "lifecycle", exit_code = code, "{summary}");
    }
}
