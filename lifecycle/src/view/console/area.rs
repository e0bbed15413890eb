//! The end of the terminal, where lines are redrawn below everything else that is written.
//!
//! The cursor stays above these lines, where the next text belongs: what the app prints meanwhile takes their place,
//! and is neither lost nor in the middle of them; the same holds for what a shell prints when the app is suspended and
//! resumed. What was drawn is not remembered, since a terminal that was resized may have wrapped it anew.

use std::io;

use console::{Term, truncate_str};

use crate::sys::terminal::is_in_background;

/// Moves the cursor down one line, in the same column; on the last line the terminal scrolls.
const DOWN: &str = "\x0b";
/// Erases everything after the cursor. The one of the crate `console` erases the whole line.
const CLEAR: &str = "\x1b[J";
/// Saves the position of the cursor, and restores it.
const SAVE: &str = "\x1b7";
const RESTORE: &str = "\x1b8";

/// The size of a terminal that does not report one.
const SIZE: (u16, u16) = (24, 80);

pub(super) struct Area {
    term: Term,
    lines: Vec<String>,
    is_drawn: bool,
}

impl Area {
    pub(super) fn new() -> Self {
        Self {
            term: Term::buffered_stderr(),
            lines: Vec::new(),
            is_drawn: false,
        }
    }

    /// Returns how many lines can be drawn besides the one of the cursor; none while the process is in the background.
    pub(super) fn room(&mut self) -> usize {
        if is_in_background() {
            // Another process has the terminal: what it writes must not be erased.
            self.is_drawn = false;
            return 0;
        }
        let (rows, _) = self.term.size_checked().unwrap_or(SIZE);
        usize::from(rows).saturating_sub(1)
    }

    /// Draws these lines in place of those before.
    pub(super) fn draw(&mut self, lines: &[String]) {
        if !self.is_drawn && lines.is_empty() {
            return;
        }
        self.lines.clear();
        self.lines.extend_from_slice(lines);
        self.paint("");
    }

    /// Writes a line above them, which stays.
    pub(super) fn print(&mut self, line: &str) {
        self.paint(&format!("{line}\n"));
    }

    pub(super) fn clear(&mut self) {
        self.draw(&[]);
    }

    /// Writes everything in one go. An error of the terminal is ignored.
    fn paint(&mut self, above: &str) {
        let _ = self.try_to_paint(above);
        self.is_drawn = !self.lines.is_empty();
    }

    fn try_to_paint(&mut self, above: &str) -> io::Result<()> {
        let width = self.term.size_checked().unwrap_or(SIZE).1;
        // A terminal may wrap after its last column.
        let width = usize::from(width).saturating_sub(1);
        if self.is_drawn {
            self.term.write_str(CLEAR)?;
        }
        self.term.write_str(above)?;
        if !self.lines.is_empty() {
            // Room is made first, so that nothing scrolls between the save and the restore.
            self.term.write_str(&DOWN.repeat(self.lines.len()))?;
            self.term.move_cursor_up(self.lines.len())?;
            self.term.write_str(SAVE)?;
            for line in &self.lines {
                let line = truncate_str(line, width, "…");
                self.term.write_str(&format!("\n{line}"))?;
            }
            self.term.write_str(RESTORE)?;
        }
        self.term.flush()
    }
}
