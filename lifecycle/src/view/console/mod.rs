//! The console: a line for each event, and below them live lines, redrawn ten times a second, of what is under way.

mod area;
mod progress;

use std::time::Instant;

use console::Style;

use self::area::Area;
pub(super) use self::progress::Progress;
use crate::api::event::{Event, EventKind};
use crate::report::Report;
use crate::view::plain::line;
use crate::view::screen::Screen;
use crate::view::stderr::write_line;

/// Most live lines at once; further components are counted.
const MOST: usize = 12;

/// The frames of the spinner of a live line.
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

pub(super) struct Live {
    area: Area,
    progress: Progress,
    frame: usize,
}

impl Live {
    pub(super) fn new(progress: Progress) -> Self {
        Self {
            area: Area::new(),
            progress,
            frame: 0,
        }
    }
}

impl Screen for Live {
    fn event(&mut self, event: &Event) {
        self.progress.apply(event);
        if let Some(line) = line(event.kind()) {
            let line = coloured(&line);
            // The terminal has perhaps echoed `^C` where the line begins.
            let is_echoed = matches!(
                event.kind(),
                EventKind::ShutdownBegan { .. } | EventKind::Forced { .. }
            );
            let begin = if is_echoed { "\r" } else { "" };
            self.area.print(&format!("{begin}{line}"));
        }
    }

    fn tick(&mut self) -> bool {
        let room = self.area.room();
        if room == 0 {
            return self.progress.is_under_way();
        }
        let mut lines = self.progress.lines(Instant::now(), MOST.min(room - 1));
        if !lines.is_empty() {
            self.frame = (self.frame + 1) % FRAMES.len();
            let frame = Style::new()
                .for_stderr()
                .cyan()
                .apply_to(FRAMES[self.frame]);
            for line in &mut lines {
                line.insert_str(0, &format!("{frame} "));
            }
        }
        self.area.draw(&lines);
        self.progress.is_under_way()
    }

    fn finish(&mut self, report: &Report) {
        self.area.clear();
        write_line(report.in_short().trim_end());
    }
}

/// Colours the sign that a line begins with by how grave it is, where the terminal and its user want colours.
fn coloured(line: &str) -> String {
    let sign = line.chars().next().unwrap_or_default();
    let style = Style::new().for_stderr();
    let style = match sign {
        '✓' => style.green(),
        '✗' => style.red().bold(),
        '!' => style.yellow().bold(),
        '●' | '■' => style.bold(),
        _ => return line.to_owned(),
    };
    format!("{}{}", style.apply_to(sign), &line[sign.len_utf8()..])
}
