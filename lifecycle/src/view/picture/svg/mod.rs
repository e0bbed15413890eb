//! The picture as SVG: one file that needs nothing else.

mod header;
mod rows;

use std::fmt::Write as _;
use std::time::Duration;

use super::scale::Scale;
use super::text::{Safe, width};
use crate::report::critical_path::CriticalSteps;
use crate::report::timeline::Timeline;

pub(super) const STYLE: &str = include_str!("../picture.css");
const PATTERNS: &str = include_str!("../patterns.svg");

/// How wide a picture is, in its own units.
const WIDTH: f64 = 1280.0;
const MARGIN: f64 = 16.0;
/// How wide names and results may be.
const NAMES: f64 = 220.0;
const RESULTS: f64 = 130.0;

/// The life up to `now`, as an SVG document.
pub(crate) fn render(timeline: &Timeline, now: Duration) -> String {
    let mut picture = Picture::new(timeline, now);
    picture.head();
    picture.rows();
    picture.whole()
}

/// What is drawn, and where everything is.
struct Picture<'a> {
    timeline: &'a Timeline,
    now: Duration,
    critical: CriticalSteps,
    scale: Scale,
    row: Sizes,
    /// The top of the first row: known when the head is drawn.
    top: f64,
    out: String,
}

/// How large a row is: the more there are the smaller, but never too small to be read.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    height: f64,
    bar: f64,
    font: f64,
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
    fn new(timeline: &'a Timeline, now: Duration) -> Self {
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

    fn bottom(&self) -> f64 {
        let rows = u32::try_from(self.timeline.rows.len()).unwrap_or(u32::MAX);
        self.top + f64::from(rows) * self.row.height
    }

    fn whole(self) -> String {
        let height = self.bottom() + MARGIN + rows::FOOT;
        let app = Safe(&self.timeline.app);
        let says = Safe(self.timeline.lines.first().map_or("", String::as_str));
        let body = &self.out;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
             height=\"{height:.0}\" font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"13\" role=\"group\" \
             aria-label=\"{app}: {says}\">\n<style>{STYLE}</style>\n{PATTERNS}\
             <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n"
        )
    }

    /// A text whose left, middle or right (`start`, `middle`, `end`) is at that place.
    fn text(&mut self, class: &str, anchor: &str, size: f64, (x, y): (f64, f64), text: &str) {
        let text = Safe(text);
        let _ = writeln!(
            self.out,
            "<text class=\"{class}\" text-anchor=\"{anchor}\" font-size=\"{size}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        );
    }

    fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let _ = writeln!(
            self.out,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        );
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ = writeln!(
            self.out,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        );
    }
}
