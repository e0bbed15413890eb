//! The log: `tracing` events of the target `lifecycle`. Where the program has no subscriber, what a person must know
//! goes to standard error.

use tracing::{debug, error, info, warn};

use super::{Screen, say};
use crate::error::escape::escape;
use crate::life::notice::{Left, Notice};
use crate::life::outcome::Layer;
use crate::life::outcome::describe;
use crate::report::Report;

pub(super) struct Log;

impl Screen for Log {
    fn notice(&mut self, notice: &Notice) {
        record(notice);
        if !tracing::dispatcher::has_been_set()
            && let Some(line) = must_be_known(notice)
        {
            say(&line);
        }
    }

    fn tick(&mut self) -> bool {
        false
    }

    fn finish(&mut self, report: &Report) {
        conclude(report);
        if report.needs_a_look() {
            say(report.to_string().trim_end());
        }
    }
}

/// Only the log.
pub(super) struct Quiet;

impl Screen for Quiet {
    fn notice(&mut self, notice: &Notice) {
        record(notice);
    }

    fn tick(&mut self) -> bool {
        false
    }

    fn finish(&mut self, report: &Report) {
        conclude(report);
    }
}

/// What has to be seen although nobody subscribed.
fn must_be_known(notice: &Notice) -> Option<String> {
    let text = match notice {
        Notice::Warning(text) => format!("warning: {text}"),
        Notice::SlowToStart { .. } | Notice::TaskPanicked { .. } => {
            crate::view::plain::line(notice)?
        }
        Notice::StartFailed { .. } | Notice::Failed { .. } | Notice::Forced { .. } => {
            crate::view::plain::line(notice)?
        }
        Notice::Reloaded { error: Some(_), .. } => crate::view::plain::line(notice)?,
        Notice::Stopped {
            errors,
            tasks_left,
            leaked,
            ..
        } if !describe(errors, tasks_left, leaked).is_empty() => crate::view::plain::line(notice)?,
        _ => return None,
    };
    Some(text)
}

/// Writes the notice to the log.
pub(crate) fn record(notice: &Notice) {
    let millis = |time: &std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    match notice {
        Notice::Warning(text) => warn!(target: "lifecycle", "{text}"),
        Notice::Starting { name, allowed } => {
            debug!(target: "lifecycle", component = escape(name), allowed_ms = millis(allowed), "starting");
        }
        Notice::Started { name, took } => {
            info!(target: "lifecycle", component = escape(name), elapsed_ms = millis(took), "started");
        }
        Notice::StartFailed {
            name,
            attempt,
            error,
            again_in: Some(after),
        } => {
            warn!(target: "lifecycle", component = escape(name), attempt, error, again_in_ms = millis(after), "start failed, will be tried again");
        }
        Notice::StartFailed {
            name,
            attempt,
            error,
            again_in: None,
        } => {
            error!(target: "lifecycle", component = escape(name), attempt, error, "start failed");
        }
        Notice::SlowToStart { name } => {
            warn!(target: "lifecycle", component = escape(name), "first poll has not returned in 100ms, going on: it may block the runtime");
        }
        Notice::Running { took } => {
            info!(target: "lifecycle", elapsed_ms = millis(took), "running")
        }
        Notice::Finished { name } => {
            info!(target: "lifecycle", component = escape(name), "finished")
        }
        Notice::Restarting { name, again_in } => {
            info!(target: "lifecycle", component = escape(name), again_in_ms = millis(again_in), "ended, will run again");
        }
        Notice::Failed {
            name,
            error,
            again_in: Some(after),
        } => {
            warn!(target: "lifecycle", component = escape(name), error, again_in_ms = millis(after), "failed, will run again");
        }
        Notice::Failed {
            name,
            error,
            again_in: None,
        } => {
            error!(target: "lifecycle", component = escape(name), error, "failed");
        }
        Notice::ExpectedError { name, error } => {
            debug!(target: "lifecycle", component = escape(name), error, "ended with an error that stopping provokes");
        }
        Notice::TaskPanicked { name, task, error } => {
            error!(target: "lifecycle", component = escape(name), task = escape(task), error = escape(error), "a task panicked");
        }
        Notice::Stopping { reason, limit } => {
            info!(target: "lifecycle", %reason, limit_ms = millis(limit), "stopping");
        }
        Notice::LameDuck { time } => {
            info!(target: "lifecycle", time_ms = millis(time), "not ready, still serving")
        }
        Notice::Draining { left, time } => {
            let Left {
                in_flight, tasks, ..
            } = left;
            info!(target: "lifecycle", in_flight, tasks, limit_ms = millis(time), "draining");
        }
        Notice::StillDraining { left } => {
            let Left {
                in_flight, tasks, ..
            } = left;
            info!(target: "lifecycle", in_flight, tasks, "still draining");
        }
        Notice::StopBegan { name, allowed } => {
            debug!(target: "lifecycle", component = escape(name), allowed_ms = millis(allowed), "stopping component");
        }
        Notice::Emergency { name } => {
            warn!(target: "lifecycle", component = escape(name), "emergency hook")
        }
        Notice::Stopped {
            name,
            took,
            layer,
            errors,
            tasks_left,
            leaked,
        } => {
            let note = describe(errors, tasks_left, leaked);
            let (layer, elapsed_ms) = (*layer, millis(took));
            if layer != Layer::Safe || !errors.is_empty() {
                error!(target: "lifecycle", component = escape(name), elapsed_ms, layer = layer.as_str(), error = note, "did not stop clean");
            } else if !note.is_empty() {
                warn!(target: "lifecycle", component = escape(name), elapsed_ms, layer = layer.as_str(), leak = note, "stopped, with something still in use");
            } else {
                info!(target: "lifecycle", component = escape(name), elapsed_ms, layer = layer.as_str(), "stopped");
            }
        }
        Notice::Forced { signal } => {
            error!(target: "lifecycle", signal, "forced: emergency hooks only")
        }
        Notice::Reloading { limit } => {
            info!(target: "lifecycle", limit_ms = millis(limit), "reloading")
        }
        Notice::ReloadEnded => debug!(target: "lifecycle", "reload ended"),
        Notice::Reloaded { name, error: None } => {
            info!(target: "lifecycle", component = escape(name), "reloaded")
        }
        Notice::Reloaded {
            name,
            error: Some(error),
        } => {
            error!(target: "lifecycle", component = escape(name), error, "did not reload: what it had goes on");
        }
    }
}

/// Writes the end to the log.
pub(crate) fn conclude(report: &Report) {
    let (code, summary) = (report.exit_code(), report.summary());
    if let Some(leak) = report.left_behind() {
        warn!(target: "lifecycle", "{leak}");
    }
    if let Some(error) = report.root_error() {
        error!(target: "lifecycle", exit_code = code, error, "{summary}");
    } else if code == 0 {
        info!(target: "lifecycle", exit_code = code, "{summary}");
    } else {
        error!(target: "lifecycle", exit_code = code, "{summary}");
    }
}
