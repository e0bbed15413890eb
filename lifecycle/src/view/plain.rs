//! What has happened, as lines for a person.

use super::{Screen, say};
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::life::notice::Notice;
use crate::life::outcome::Layer;
use crate::life::outcome::describe;
use crate::report::Report;
use crate::scope::reason::{Reason, signal_name};

/// The line that says it; `None` for what is no line of its own.
pub(super) fn line(notice: &Notice) -> Option<String> {
    let text = match notice {
        Notice::Warning(text) => format!("! warning: {}", escape(text)),
        Notice::Starting { .. }
        | Notice::StopBegan { .. }
        | Notice::ExpectedError { .. }
        | Notice::StillDraining { .. }
        | Notice::Reloading { .. }
        | Notice::ReloadEnded => {
            return None;
        }
        Notice::Started { name, took } => format!("✓ {} started in {}", escape(name), show(*took)),
        Notice::StartFailed {
            name,
            attempt,
            error,
            again_in,
        } => match again_in {
            Some(after) => format!(
                "! {}: start failed (attempt {attempt}): {error}; again in {}",
                escape(name),
                show(*after)
            ),
            None => format!("✗ {}: start failed: {error}", escape(name)),
        },
        Notice::SlowToStart { name } => {
            format!(
                "! {} has not come to an await point in 100ms: it may block the runtime; going on",
                escape(name)
            )
        }
        Notice::Running { took } => format!("● running, up in {}; Ctrl+C stops", show(*took)),
        Notice::Restarting { name, again_in } => {
            format!("… {} ended; again in {}", escape(name), show(*again_in))
        }
        Notice::Finished { name } => format!("✓ {} finished", escape(name)),
        Notice::Failed {
            name,
            error,
            again_in,
        } => match again_in {
            Some(after) => format!(
                "! {} failed: {error}; again in {}",
                escape(name),
                show(*after)
            ),
            None => format!("✗ {} failed: {error}", escape(name)),
        },
        Notice::TaskPanicked { name, task, error } => {
            format!(
                "! {}: task {} panicked: {}",
                escape(name),
                escape(task),
                escape(error)
            )
        }
        Notice::Stopping { reason, limit } => {
            let again = match reason {
                Reason::Signal(2) => "Ctrl+C again",
                Reason::Signal(15) => "Ctrl+C",
                _ => "Ctrl+C twice",
            };
            format!(
                "■ stopping ({reason}), in {} at most; {again} forces",
                show(*limit)
            )
        }
        Notice::LameDuck { time } => format!("… not ready, still serving for {}", show(*time)),
        Notice::Draining { left, time } => match left.in_flight {
            0 => return None,
            units => format!("… draining, {units} in flight, for {} at most", show(*time)),
        },
        Notice::Emergency { name } => format!("! {}: emergency hook", escape(name)),
        Notice::Stopped {
            name,
            took,
            layer,
            errors,
            tasks_left,
            leaked,
        } => {
            let note = describe(errors, tasks_left, leaked);
            let name = escape(name);
            match (layer, note.is_empty()) {
                (Layer::Safe, true) => format!("✓ {name} stopped in {}", show(*took)),
                (Layer::Safe, false) => format!("✗ {name} stopped in {}: {note}", show(*took)),
                (layer, _) => format!(
                    "✗ {name} ended in {} by layer {}: {note}",
                    show(*took),
                    layer.as_str()
                ),
            }
        }
        Notice::Forced {
            signal: Some(signal),
        } => format!(
            "! forced by {}: emergency hooks only; one more ends the process at once",
            signal_name(*signal)
        ),
        Notice::Forced { signal: None } => "! the time is over: emergency hooks only".to_owned(),
        Notice::Reloaded { name, error: None } => format!("✓ {} reloaded", escape(name)),
        Notice::Reloaded {
            name,
            error: Some(error),
        } => {
            format!(
                "✗ {} did not reload: {error}; what it had goes on",
                escape(name)
            )
        }
    };
    Some(text)
}

/// One line for each thing that has happened, where nothing can be drawn again.
pub(super) struct Lines;

impl Screen for Lines {
    fn notice(&mut self, notice: &Notice) {
        if let Some(line) = line(notice) {
            say(&line);
        }
    }

    fn tick(&mut self) -> bool {
        false
    }

    fn finish(&mut self, report: &Report) {
        say(report.in_short().trim_end());
    }
}
