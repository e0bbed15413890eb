//! The end of the terminal, where lines are drawn again and again below where others write.
//!
//! The cursor stays above these lines, where the next text of anybody belongs: what the app prints meanwhile takes their
//! place, and is neither lost nor in the middle of them; nor is what a shell says when the app is stopped and goes on.
//! Nothing is remembered of what was drawn, since it may have been wrapped anew by a terminal of another width.

use std::io;

use console::{Term, truncate_str};

use crate::sys::terminal::is_in_background;

/// Down one line, in the same column: where there is none, all lines go up by one.
const DOWN: &str = "\x0b";
/// Erases what is after the cursor; that of `console` begins with the line.
const CLEAR: &str = "\x1b[J";
/// Remembers where the cursor is, and goes back there.
const SAVE: &str = "\x1b7";
const RESTORE: &str = "\x1b8";

/// Of a terminal that does not say how large it is.
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

    /// How many lines can be drawn, beside the one where the cursor is; none while others have the terminal.
    pub(super) fn room(&mut self) -> usize {
        if is_in_background() {
            // What others have written since must not be erased.
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

    /// Writes the line above them, for good.
    pub(super) fn print(&mut self, line: &str) {
        self.paint(&format!("{line}\n"));
    }

    pub(super) fn clear(&mut self) {
        self.draw(&[]);
    }

    /// All at once. A terminal that does not take it is no reason to fail.
    fn paint(&mut self, above: &str) {
        let _ = self.try_to_paint(above);
        self.is_drawn = !self.lines.is_empty();
    }

    fn try_to_paint(&mut self, above: &str) -> io::Result<()> {
        let width = self.term.size_checked().unwrap_or(SIZE).1;
        // In the last column a terminal may wrap.
        let width = usize::from(width).saturating_sub(1);
        if self.is_drawn {
            self.term.write_str(CLEAR)?;
        }
        self.term.write_str(above)?;
        if !self.lines.is_empty() {
            // First there is made room, so that nothing moves any more.
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
