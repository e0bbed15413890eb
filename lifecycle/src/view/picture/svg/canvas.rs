//! The canvas: what is drawn, its sizes and scales, and the shapes that the other files draw with.

use std::fmt::Write as _;
use std::time::Duration;

use crate::report::critical_path::CriticalSteps;
use crate::report::timeline::Timeline;
use crate::view::picture::scale::Scale;
use crate::view::picture::text::{Safe, width};

pub(in crate::view::picture) const STYLE: &str = include_str!("../picture.css");
const PATTERNS: &str = include_str!("../patterns.svg");

/// The width of a picture, in user units.
pub(super) const WIDTH: f64 = 1280.0;
pub(super) const MARGIN: f64 = 16.0;
/// The most that the columns of names and of results take.
pub(super) const NAMES: f64 = 220.0;
pub(super) const RESULTS: f64 = 130.0;
/// The space below the last row, where the numbers of the scales are repeated.
const FOOT: f64 = 18.0;

/// The timeline, where everything goes, and the markup so far.
pub(super) struct Picture<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) now: Duration,
    pub(super) critical: CriticalSteps,
    pub(super) scale: Scale,
    pub(super) row: Sizes,
    /// The top of the first row: known once the header is drawn.
    pub(super) top: f64,
    pub(super) out: String,
}

/// The size of a row: it shrinks with their number, but stays legible.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) height: f64,
    pub(super) bar: f64,
    pub(super) font: f64,
}

impl Sizes {
    fn of(rows: usize) -> Self {
        let (height, bar, font) = match rows {
            0..=12 => (28.0, 16.0, 13.0),
            13..=40 => (22.0, 13.0, 12.0),
            41..=120 => (16.0, 10.0, 11.0),
            _ => (12.0, 8.0, 9.5),
        };
        Self { height, bar, font }
    }
}

impl<'a> Picture<'a> {
    pub(super) fn new(timeline: &'a Timeline, now: Duration) -> Self {
        let row = Sizes::of(timeline.rows.len());
        let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(40.0, f64::max);
        let names = timeline.rows.iter().map(|row| width(&row.name));
        let names = (widest(&mut names.map(|name| name * row.font)) + 24.0).min(NAMES);
        let left = MARGIN + names;
        let scale = Scale::new(timeline, now, left, WIDTH - MARGIN - RESULTS - left);
        Self {
            timeline,
            now,
            critical: CriticalSteps::of(timeline, now),
            scale,
            row,
            top: 0.0,
            out: String::with_capacity(4096 + 2048 * timeline.rows.len()),
        }
    }

    /// The bottom of the last row.
    pub(super) fn bottom(&self) -> f64 {
        let rows = u32::try_from(self.timeline.rows.len()).unwrap_or(u32::MAX);
        self.top + f64::from(rows) * self.row.height
    }

    /// Wraps what is drawn into a document.
    pub(super) fn into_document(self) -> String {
        let height = self.bottom() + MARGIN + FOOT;
        let app = Safe(&self.timeline.app);
        let summary = Safe(self.timeline.lines.first().map_or("", String::as_str));
        let body = &self.out;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
             height=\"{height:.0}\" font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"13\" role=\"group\" \
             aria-label=\"{app}: {summary}\">\n<style>{STYLE}</style>\n{PATTERNS}\
             <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n"
        )
    }

    /// Draws a text whose `anchor` (`start`, `middle` or `end`) is at that place.
    pub(super) fn text(
        &mut self,
        class: &str,
        anchor: &str,
        size: f64,
        (x, y): (f64, f64),
        text: &str,
    ) {
        let text = Safe(text);
        let _ = writeln!(
            self.out,
            "<text class=\"{class}\" text-anchor=\"{anchor}\" font-size=\"{size}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        );
    }

    pub(super) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let _ = writeln!(
            self.out,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        );
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ = writeln!(
            self.out,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        );
    }
}
