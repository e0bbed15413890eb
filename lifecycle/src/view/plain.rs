//! The plain lines: one for each event that an operator should see.

use crate::api::cleanup_layer::CleanupLayer;
use crate::api::event::{Event, EventKind};
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::life::outcome::describe;
use crate::report::Report;
use crate::scope::reason::{Reason, signal_name};
use crate::view::screen::Screen;
use crate::view::stderr::write_line;

/// Returns the line of an event; `None` for an event without one.
pub(super) fn line(event: &EventKind) -> Option<String> {
    let text = match event {
        EventKind::Warning { message: text } => format!("! warning: {}", escape(text)),
        EventKind::Starting { .. }
        | EventKind::Stopping { .. }
        | EventKind::ExpectedError { .. }
        | EventKind::StillDraining { .. }
        | EventKind::ReloadBegan { .. }
        | EventKind::ReloadEnded
        | EventKind::Lagged { .. }
        // The report follows.
        | EventKind::Ended { .. } => {
            return None;
        }
        EventKind::Started { name, took } => {
            format!("✓ {} started in {}", escape(name), show(*took))
        }
        EventKind::StartFailed {
            name,
            attempt,
            error,
            retry_in,
        } => match retry_in {
            Some(after) => format!(
                "! {}: start failed (attempt {attempt}): {error}; again in {}",
                escape(name),
                show(*after)
            ),
            None => format!("✗ {}: start failed: {error}", escape(name)),
        },
        EventKind::SlowFirstPoll { name } => {
            format!(
                "! {} has not come to an await point in 100ms: it may block the runtime; going on",
                escape(name)
            )
        }
        EventKind::Running { took } => format!("● running, up in {}; Ctrl+C stops", show(*took)),
        EventKind::Restarting { name, retry_in } => {
            format!("… {} ended; again in {}", escape(name), show(*retry_in))
        }
        EventKind::Finished { name } => format!("✓ {} finished", escape(name)),
        EventKind::Failed {
            name,
            error,
            retry_in,
        } => match retry_in {
            Some(after) => format!(
                "! {} failed: {error}; again in {}",
                escape(name),
                show(*after)
            ),
            None => format!("✗ {} failed: {error}", escape(name)),
        },
        EventKind::TaskPanicked { name, task, error } => {
            format!(
                "! {}: task {} panicked: {}",
                escape(name),
                escape(task),
                escape(error)
            )
        }
        EventKind::ShutdownBegan { reason, time_limit } => {
            let again = match reason {
                Reason::Signal(2) => "Ctrl+C again",
                Reason::Signal(15) => "Ctrl+C",
                _ => "Ctrl+C twice",
            };
            format!(
                "■ stopping ({reason}), in {} at most; {again} forces",
                show(*time_limit)
            )
        }
        EventKind::LameDuck { time } => format!("… not ready, still serving for {}", show(*time)),
        EventKind::Draining {
            pending,
            time_limit,
        } => match pending.in_flight {
            0 => return None,
            units => format!(
                "… draining, {units} in flight, for {} at most",
                show(*time_limit)
            ),
        },
        EventKind::EmergencyHook { name } => format!("! {}: emergency hook", escape(name)),
        EventKind::Stopped {
            name,
            took,
            layer,
            errors,
            unfinished_tasks,
            leases,
        } => {
            let note = describe(errors, unfinished_tasks, leases);
            let name = escape(name);
            match (layer, note.is_empty()) {
                (CleanupLayer::Safe, true) => format!("✓ {name} stopped in {}", show(*took)),
                (CleanupLayer::Safe, false) => {
                    format!("✗ {name} stopped in {}: {note}", show(*took))
                }
                (layer, _) => format!(
                    "✗ {name} ended in {} by layer {}: {note}",
                    show(*took),
                    layer.as_str()
                ),
            }
        }
        EventKind::Forced {
            signal: Some(signal),
            ..
        } => format!(
            "! forced by {}: emergency hooks only; one more ends the process at once",
            signal_name(*signal)
        ),
        EventKind::Forced { exited: true, .. } => {
            "! `exit` was called: emergency hooks only".to_owned()
        }
        EventKind::Forced { .. } => "! the time is over: emergency hooks only".to_owned(),
        EventKind::Reloaded { name, error: None } => format!("✓ {} reloaded", escape(name)),
        EventKind::Reloaded {
            name,
            error: Some(error),
        } => {
            format!(
                "✗ {} did not reload: {error}; its previous state stays in use",
                escape(name)
            )
        }
    };
    Some(text)
}

/// Plain lines on standard error, where nothing can be redrawn.
pub(super) struct Lines;

impl Screen for Lines {
    fn event(&mut self, event: &Event) {
        if let Some(line) = line(event.kind()) {
            write_line(&line);
        }
    }

    fn finish(&mut self, report: &Report) {
        write_line(report.in_short().trim_end());
    }
}
