//! The console: a line for each thing that has happened, and live lines for what is under way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::lines::line;
use super::{Screen, say};
use crate::duration::show;
use crate::error::escape;
use crate::life::notice::Notice;
use crate::report::Report;

/// What takes less gets no live line: it would only flicker.
const WORTH_A_LINE: Duration = Duration::from_millis(150);

/// What shows that it is alive.
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Most live lines at once; the rest is counted.
const MOST: usize = 12;

pub(super) struct Live {
    screen: MultiProgress,
    style: ProgressStyle,
    frame: usize,
    under_way: HashMap<Arc<str>, UnderWay>,
}

struct UnderWay {
    what: &'static str,
    since: Instant,
    allowed: Duration,
    bar: Option<ProgressBar>,
}

impl Live {
    pub(super) fn new() -> Self {
        Self {
            screen: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(20)),
            style: ProgressStyle::with_template("{wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            frame: 0,
            under_way: HashMap::new(),
        }
    }

    fn begin(&mut self, name: &Arc<str>, what: &'static str, allowed: Duration) {
        self.end(name);
        self.under_way.insert(
            Arc::clone(name),
            UnderWay {
                what,
                since: Instant::now(),
                allowed,
                bar: None,
            },
        );
    }

    fn end(&mut self, name: &Arc<str>) {
        if let Some(bar) = self
            .under_way
            .remove(name)
            .and_then(|under_way| under_way.bar)
        {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
    }

    fn print(&self, text: &str) {
        // Without live lines to keep below it, an ordinary write does.
        if self
            .under_way
            .values()
            .all(|under_way| under_way.bar.is_none())
            || self.screen.println(text).is_err()
        {
            say(text);
        }
    }
}

impl Screen for Live {
    fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Starting { name, allowed } => self.begin(name, "starting", *allowed),
            Notice::StopBegan { name, allowed } => self.begin(name, "stopping", *allowed),
            Notice::Started { name, .. }
            | Notice::Stopped { name, .. }
            | Notice::Finished { name } => self.end(name),
            Notice::StartFailed {
                name,
                again_in: None,
                ..
            }
            | Notice::Failed {
                name,
                again_in: None,
                ..
            } => self.end(name),
            // What was starting or running is not what is under way now.
            Notice::Stopping { .. } => {
                for name in self.under_way.keys().cloned().collect::<Vec<_>>() {
                    self.end(&name);
                }
            }
            _ => {}
        }
        if let Some(line) = line(notice) {
            // The terminal has echoed `^C` where the line begins.
            let line = if matches!(notice, Notice::Stopping { .. }) {
                format!("\r{line}")
            } else {
                line
            };
            self.print(&line);
        }
    }

    fn tick(&mut self) -> bool {
        self.frame = (self.frame + 1) % FRAMES.len();
        let frame = FRAMES[self.frame];
        let shown = self
            .under_way
            .values()
            .filter(|under_way| under_way.bar.is_some())
            .count();
        let mut room = MOST.saturating_sub(shown);
        for (name, under_way) in &mut self.under_way {
            let elapsed = under_way.since.elapsed();
            if under_way.bar.is_none() && elapsed >= WORTH_A_LINE && room > 0 {
                room -= 1;
                under_way.bar = Some(
                    self.screen
                        .add(ProgressBar::new_spinner().with_style(self.style.clone())),
                );
            }
            if let Some(bar) = &under_way.bar {
                let name = escape(name);
                bar.set_message(format!(
                    "{frame} {} {name} {} / {}",
                    under_way.what,
                    show(elapsed),
                    show(under_way.allowed)
                ));
            }
        }
        !self.under_way.is_empty()
    }

    fn finish(&mut self, report: &Report) {
        for name in self.under_way.keys().cloned().collect::<Vec<_>>() {
            self.end(&name);
        }
        let _ = self.screen.clear();
        say(if report.needs_a_look() {
            report.to_string()
        } else {
            report.summary()
        }
        .trim_end());
    }
}
