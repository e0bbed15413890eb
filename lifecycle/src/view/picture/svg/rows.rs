//! The rows, and the lines that cross all of them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Duration;

use super::canvas::{MARGIN, NAMES, Picture, RESULTS, WIDTH};
use super::marks::ticks;
use crate::api::cleanup_layer::CleanupLayer;
use crate::base::duration::exact;
use crate::life::track::{Activity, Mark, Span};
use crate::report::critical_path::{Step, Subject};
use crate::report::timeline::{Row, waits};
use crate::view::picture::scale::Part;
use crate::view::picture::text::{Safe, fitting, width};

/// The least width of a bar: one of a shorter time is still visible.
const THINNEST: f64 = 1.5;

impl Picture<'_> {
    /// Draws the rows, below the header.
    pub(super) fn rows(&mut self) {
        let (top, bottom) = (self.top, self.bottom());
        self.background(top, bottom);
        let steps = self.critical.startup.iter().chain(&self.critical.shutdown);
        let critical: HashSet<usize> = steps.filter_map(Step::row).collect();
        let timeline = self.timeline;
        for (place, row) in timeline.rows.iter().enumerate() {
            self.row(place, row, critical.contains(&place));
        }
        self.breaks(top, bottom);
        for (class, at, _) in self.marks() {
            let x = self.scale.x(at);
            self.line(class, (x, top - 4.0), (x, bottom));
        }
        self.paths();
        // Last, so that no line crosses them out.
        for (place, row) in timeline.rows.iter().enumerate() {
            self.durations(place, row, critical.contains(&place));
        }
        self.numbers(bottom + 14.0);
    }

    /// Draws the stripes, the phases and the grid.
    fn background(&mut self, top: f64, bottom: f64) {
        let rows = self.timeline.rows.len();
        let group = if rows > 40 { 5 } else { 1 };
        for first in (0..rows).step_by(2 * group) {
            let last = rows.min(first + group);
            let (y, end) = (self.y(first), self.y(last));
            self.rect("stripe", (MARGIN, y), (WIDTH - 2.0 * MARGIN, end - y));
        }
        for (place, phase) in self.phases().iter().enumerate() {
            let (x, right) = (self.scale.x(phase.begin), self.scale.x(phase.end));
            let class = if phase.name == "reserve" {
                "reserve"
            } else if place % 2 == 0 {
                "shade"
            } else {
                continue;
            };
            self.rect(class, (x, top), ((right - x).max(0.0), bottom - top));
        }
        for panel in self.scale.panels.clone() {
            if matches!(panel.part, Part::Startup | Part::Shutdown) {
                for (x, _) in ticks(&panel) {
                    self.line("grid", (x, top), (x, bottom));
                }
            }
        }
    }

    /// The top of a row.
    fn y(&self, place: usize) -> f64 {
        self.top + f64::from(u32::try_from(place).unwrap_or(u32::MAX)) * self.row.height
    }

    /// The baseline of its texts.
    fn base(&self, place: usize) -> f64 {
        self.y(place) + self.row.height / 2.0 + self.row.font * 0.36
    }

    /// Draws the name, the spans and the result of a component, with the details as a title.
    fn row(&mut self, place: usize, row: &Row, critical: bool) {
        let sizes = self.row;
        let y = self.y(place);
        let base = self.base(place);
        let details = self.row_details(row);
        let _ = writeln!(
            self.out,
            "<g class=\"row\"><title>{}</title>",
            Safe(&details)
        );
        self.rect("hit", (MARGIN, y), (WIDTH - 2.0 * MARGIN, sizes.height));
        let names = (self.scale.panels[0].x - MARGIN).min(NAMES) - 10.0;
        let class = if critical { "strong" } else { "name" };
        let name = fitting(&row.name, sizes.font, names);
        let right = self.scale.panels[0].x - 8.0;
        self.text(class, "end", sizes.font, (right, base), &name);
        for span in &row.spans {
            self.span(row, span, y);
        }
        self.result(row, y, base);
        self.out.push_str("</g>\n");
    }

    /// Draws a bar, with its details as a title. Waiting and running take no space when they took no time.
    fn span(&mut self, row: &Row, span: &Span, y: f64) {
        let end = span.end.min(self.now);
        let (x, right) = (self.scale.x(span.begin), self.scale.x(end));
        let thin = right - x < 0.3;
        if end < span.begin || (thin && (waits(span.activity) || is_running(span.activity))) {
            return;
        }
        let layer = match row.layer {
            Some(CleanupLayer::Timeout) => "timeout",
            Some(CleanupLayer::Emergency) => "emergency",
            Some(CleanupLayer::Safe) | None => "safe",
        };
        let (class, height) = match span.activity {
            Activity::Starting(_) => ("starting", 1.0),
            Activity::Running => ("running", 0.25),
            Activity::Draining | Activity::Stopping => (layer, 1.0),
            Activity::Emergency => ("hook", 1.0),
            Activity::Dropping => (layer, 0.6),
            Activity::Waiting
            | Activity::Backoff
            | Activity::WaitingToStop
            | Activity::WaitingForEmergency => ("waiting", 0.5),
        };
        let height = height * self.row.bar;
        let at = (x, y + (self.row.height - height) / 2.0);
        let _ = write!(
            self.out,
            "<g class=\"span\"><title>{}</title>",
            Safe(&self.span_details(row, span, end))
        );
        self.rect(class, at, ((right - x).max(THINNEST), height));
        self.out.push_str("</g>\n");
    }

    /// Draws how long its start and its stop took, beside their bars.
    fn durations(&mut self, place: usize, row: &Row, critical: bool) {
        let base = self.base(place);
        let limit = self.scale.right() + 4.0;
        let size = (self.row.font - 1.5).max(9.0);
        let many = self.timeline.rows.len() > 40;
        let tries = match row.attempts() {
            0 | 1 => String::new(),
            attempts => format!(", {attempts} tries"),
        };
        let sides = [
            (Part::Startup, row.start(), tries.as_str()),
            (Part::Shutdown, row.stop(), ""),
        ];
        for (part, extent, note) in sides {
            let (Some((begin, end)), Some(panel)) = (extent, self.scale.panel(part)) else {
                continue;
            };
            let end = end.min(self.now);
            let took = end.saturating_sub(begin);
            // Of many rows only those that take a good part of the phase.
            let share = took.as_secs_f64() / panel.took().as_secs_f64().max(1e-9);
            let least = if many { 0.05 } else { 0.01 };
            if share < least && !critical {
                continue;
            }
            let label = format!("{}{note}", exact(took));
            let room = width(&label) * size;
            let (x, right) = (
                self.scale.x(begin),
                self.scale.x(end).max(self.scale.x(begin) + THINNEST),
            );
            let class = if critical { "took strong" } else { "took" };
            if right + 5.0 + room <= limit {
                self.text(class, "start", size, (right + 5.0, base), &label);
            } else {
                self.text(class, "end", size, (x - 5.0, base), &label);
            }
        }
    }

    /// Draws how it ended, or what it is doing: colour and shape both tell the layers apart.
    fn result(&mut self, row: &Row, y: f64, base: f64) {
        let x = WIDTH - MARGIN - RESULTS + 14.0;
        let middle = y + self.row.height / 2.0;
        let r = self.row.bar * 0.36;
        let last = row.spans.last();
        let goes_on = last.filter(|span| span.end > self.now);
        let (class, label) = match (goes_on, row.layer) {
            // The column has no room for `asked to stop, ending`.
            (Some(span), _) if span.activity == Activity::Draining => ("quiet", "ending"),
            (Some(span), _) => ("quiet", describe(span.activity)),
            (None, Some(layer)) => (layer.as_str(), layer.as_str()),
            (None, None) if row.is_up => ("quiet", "ended"),
            (None, None) if row.start().is_some() => ("wrong", "did not start"),
            (None, None) => ("quiet", "never started"),
        };
        match class {
            "safe" => {
                let _ = writeln!(
                    self.out,
                    "<circle class=\"safe\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"{r:.1}\"/>"
                );
            }
            "timeout" => {
                let (left, top, side) = (x - r, middle + r, 2.0 * r);
                let _ = writeln!(
                    self.out,
                    "<path class=\"timeout\" d=\"M{left:.1} {top:.1}h{side:.1}l-{r:.1} -{side:.1}z\"/>"
                );
            }
            "emergency" => self.rect("hook", (x - r, middle - r), (2.0 * r, 2.0 * r)),
            _ => {}
        }
        let label = if row.note.is_empty() {
            label.to_owned()
        } else {
            format!("{label} (!)")
        };
        let class = match class {
            "safe" | "quiet" => "quiet",
            _ => "wrong",
        };
        let label = fitting(&label, self.row.font, RESULTS - 24.0);
        self.text(class, "start", self.row.font, (x + 10.0, base), &label);
    }

    /// Draws a jagged break through each panel that is not to scale.
    fn breaks(&mut self, top: f64, bottom: f64) {
        const TOOTH: f64 = 8.0;
        let pairs = ((bottom - top) / (2.0 * TOOTH)).ceil();
        let (top, height) = (top - 2.0, pairs * 2.0 * TOOTH);
        let mut edge = String::new();
        let mut y = 0.0;
        while y < height {
            let _ = write!(edge, "l4 {TOOTH}l-4 {TOOTH}");
            y += 2.0 * TOOTH;
        }
        for panel in self.scale.panels.clone() {
            if !matches!(panel.part, Part::Running | Part::Rest) || panel.took().is_zero() {
                continue;
            }
            // On the right, since the label of a bar that ends just before the panel reaches into its left part.
            let left = panel.x + panel.width * 0.8 - 5.0;
            self.rect("breakfill", (left + 1.5, top), (9.0, height));
            for x in [left, left + 8.0] {
                let _ = writeln!(
                    self.out,
                    "<path class=\"break\" d=\"M{x:.1} {top:.1}{edge}\"/>"
                );
            }
        }
    }

    /// Draws both critical paths: a frame around each bar, and a line from each to the next.
    fn paths(&mut self) {
        let paths = [
            self.critical.startup.clone(),
            self.critical.shutdown.clone(),
        ];
        for path in paths {
            let mut before: Option<f64> = None;
            for step in path {
                let Subject::Row(place) = step.subject else {
                    before = None;
                    continue;
                };
                let y = self.y(place) + (self.row.height - self.row.bar) / 2.0;
                let (x, right) = (self.scale.x(step.begin), self.scale.x(step.end));
                if let Some(from) = before {
                    let to = y + self.row.bar / 2.0;
                    self.line("joint", (x, from), (x, to));
                }
                self.rect("path", (x, y), ((right - x).max(THINNEST), self.row.bar));
                before = Some(y + self.row.bar / 2.0);
            }
        }
    }

    /// An instant as a label: from the begin of the life, or from the cause to stop once there is one.
    fn when(&self, at: Duration) -> String {
        match self.timeline.mark(Mark::Cause) {
            Some(cause) if cause <= at => format!("+{}", exact(at - cause)),
            _ => exact(at),
        }
    }

    fn name(&self, place: Option<usize>) -> Option<&str> {
        Some(&self.timeline.rows.get(place?)?.name)
    }

    /// The details of a component, one a line.
    fn row_details(&self, row: &Row) -> String {
        let mut details = format!("{} ({})", row.name, row.kind.as_str());
        let after = |place| match self.name(place) {
            Some(name) => format!(", after {name}"),
            None => String::new(),
        };
        let took =
            |(begin, end): (Duration, Duration)| exact(end.min(self.now).saturating_sub(begin));
        if let Some(start) = row.start() {
            let how = if row.is_up {
                "started in"
            } else {
                "start took"
            };
            let _ = write!(details, "\n{how} {}", took(start));
            if row.attempts() > 1 {
                let _ = write!(details, ", {} attempts", row.attempts());
            }
            details.push_str(&after(row.start_after));
        } else if !row.is_up {
            details.push_str("\nnever began to start");
        }
        if let Some(stop) = row.stop() {
            let _ = write!(
                details,
                "\nstopped in {}{}",
                took(stop),
                after(row.stop_after)
            );
        }
        if let Some(layer) = row.layer {
            let _ = write!(details, "\nlayer: {}", layer.as_str());
        }
        if !row.note.is_empty() {
            let _ = write!(details, "\n{}", row.note);
        }
        details
    }

    /// The details of a bar.
    fn span_details(&self, row: &Row, span: &Span, end: Duration) -> String {
        let mut details = format!("{}: {}", row.name, describe(span.activity));
        if let Activity::Starting(attempt @ 2..) = span.activity {
            let _ = write!(details, ", attempt {attempt}");
        }
        let _ = write!(
            details,
            "\n{} to {}: {}",
            self.when(span.begin),
            self.when(end),
            exact(end.saturating_sub(span.begin))
        );
        let other = match span.activity {
            Activity::Waiting => self.name(row.start_after),
            Activity::WaitingToStop => self.name(row.stop_after).or(Some("the drain")),
            _ => None,
        };
        if let Some(other) = other {
            let _ = write!(details, "\nwaited last for {other}");
        }
        if !row.note.is_empty() && !waits(span.activity) && !is_running(span.activity) {
            let _ = write!(details, "\n{}", row.note);
        }
        details
    }
}

impl Step {
    fn row(&self) -> Option<usize> {
        match self.subject {
            Subject::Row(place) => Some(place),
            Subject::LameDuck | Subject::Work => None,
        }
    }
}

fn is_running(activity: Activity) -> bool {
    activity == Activity::Running
}

fn describe(activity: Activity) -> &'static str {
    match activity {
        Activity::Waiting => "waiting to start",
        Activity::Starting(_) => "starting",
        Activity::Backoff => "waiting to try again",
        Activity::Running => "running",
        Activity::Draining => "asked to stop, ending",
        Activity::WaitingToStop => "waiting to stop",
        Activity::Stopping => "stopping",
        Activity::WaitingForEmergency => "waiting for its emergency hook",
        Activity::Emergency => "emergency hook",
        Activity::Dropping => "being dropped",
    }
}
