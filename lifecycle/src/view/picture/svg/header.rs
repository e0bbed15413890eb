//! The header: the name and outcome of the app, the legend, and the labels of marks, phases and scales.

use std::fmt::Write as _;

use super::canvas::{MARGIN, Picture, WIDTH};
use super::marks::{SMALL, ticks};
use crate::base::duration::exact;
use crate::view::picture::scale::Part;
use crate::view::picture::text::{fitting, width};

const LINE: f64 = 19.0;
/// The height of a lane of labels.
const LANE: f64 = 15.0;
/// The height of the strip of phases.
const STRIP: f64 = 18.0;
/// How many lines of the timeline are shown: the summary and the first errors.
const MOST_LINES: usize = 3;

/// The classes of the bars, each with its meaning.
const LEGEND: [(&str, &str); 8] = [
    ("waiting", "waiting"),
    ("starting", "starting"),
    ("running", "running"),
    ("safe", "stopping: safe"),
    ("timeout", "timeout"),
    ("emergency", "emergency"),
    ("hook", "emergency hook"),
    ("path", "critical path"),
];

impl Picture<'_> {
    /// Draws the header; the rows begin below it.
    pub(super) fn header(&mut self) {
        let mut y = MARGIN + 14.0;
        let timeline = self.timeline;
        let app = fitting(&timeline.app, 18.0, WIDTH - 2.0 * MARGIN);
        self.text("title", "start", 18.0, (MARGIN, y), &app);
        for (place, line) in timeline.lines.iter().take(MOST_LINES).enumerate() {
            y += LINE;
            let class = if place == 0 { "quiet" } else { "wrong" };
            let line = fitting(line, 13.0, WIDTH - 2.0 * MARGIN);
            self.text(class, "start", 13.0, (MARGIN, y), &line);
        }
        y += LINE + 4.0;
        self.legend(y);
        let labels = self.labels();
        let lanes = labels.iter().map(|label| label.lane + 1).max();
        let lanes = f64::from(u32::try_from(lanes.unwrap_or_default()).unwrap_or_default());
        y += 16.0 + LANE * lanes;
        for label in labels {
            let lane = f64::from(u32::try_from(label.lane).unwrap_or_default());
            let at = (label.x, y - 8.0 - lane * LANE);
            self.text("strong", "middle", SMALL, at, &label.text);
            let _ = writeln!(
                self.out,
                "<path class=\"marked\" d=\"M{:.1} {:.1}l-4 -5h8z\"/>",
                label.at, y
            );
        }
        self.strip(y);
        y += STRIP + 14.0;
        self.numbers(y);
        self.top = y + 6.0;
    }

    /// Draws what colours and patterns mean.
    fn legend(&mut self, y: f64) {
        let mut x = MARGIN;
        for (class, meaning) in LEGEND {
            // In the proportions of the rows.
            let (height, inset) = match class {
                "waiting" => (6.0, 3.0),
                "running" => (4.0, 4.0),
                _ => (12.0, 0.0),
            };
            self.rect(class, (x, y - 10.0 + inset), (26.0, height));
            self.text("quiet", "start", SMALL, (x + 32.0, y), meaning);
            x += 32.0 + width(meaning) * SMALL + 18.0;
        }
        let hint = "point at a bar or a row for details";
        self.text("quiet hint", "end", SMALL, (WIDTH - MARGIN, y), hint);
    }

    /// Draws the phases, each with its name and how long it took where there is room.
    fn strip(&mut self, y: f64) {
        for (place, phase) in self.phases().iter().enumerate() {
            let (x, right) = (self.scale.x(phase.begin), self.scale.x(phase.end));
            let took = exact(phase.end.saturating_sub(phase.begin));
            let _ = write!(
                self.out,
                "<g class=\"phase\"><title>{}: {took}</title>",
                phase.name
            );
            let class = match (phase.name, place % 2) {
                ("reserve", _) => "reserve",
                (_, 0) => "band0",
                _ => "band1",
            };
            self.rect(class, (x, y), ((right - x).max(1.0), STRIP));
            let room = right - x - 6.0;
            let long = format!("{} {took}", phase.name);
            let label = [long.as_str(), phase.name]
                .into_iter()
                .find(|label| width(label) * SMALL <= room);
            if let Some(label) = label {
                let at = ((x + right) / 2.0, y + 13.0);
                self.text("strong", "middle", SMALL, at, label);
            }
            self.out.push_str("</g>\n");
        }
    }

    /// Draws the numbers of the scales, each of which counts from its own begin.
    pub(super) fn numbers(&mut self, y: f64) {
        for panel in self.scale.panels.clone() {
            let plus = match panel.part {
                Part::Startup => "",
                Part::Shutdown => "+",
                _ => continue,
            };
            // A number at the right end of the startup would touch the first one of the shutdown if that follows at
            // once.
            let alone = panel.part == Part::Shutdown || self.scale.panel(Part::Running).is_some();
            let room = if alone { 14.0 } else { 36.0 };
            for (at, tick) in ticks(&panel) {
                if at < panel.x + panel.width - room || at == panel.x {
                    let label = format!("{plus}{}", exact(tick));
                    self.text("quiet", "middle", 10.0, (at, y), &label);
                }
            }
        }
    }

    /// The labels of the marks, in as many lanes as they need not to overlap.
    fn labels(&self) -> Vec<Label> {
        let mut labels: Vec<Label> = Vec::new();
        let mut rights: Vec<f64> = Vec::new();
        for (_, at, text) in self.marks() {
            let at = self.scale.x(at);
            let half = width(&text) * SMALL * 0.55 + 4.0;
            let x = at.clamp(MARGIN + half, (WIDTH - MARGIN - half).max(half));
            let lane = rights.iter().position(|right| *right <= x - half);
            let lane = lane.unwrap_or(rights.len());
            if lane == rights.len() {
                rights.push(0.0);
            }
            rights[lane] = x + half;
            labels.push(Label { x, at, lane, text });
        }
        labels
    }
}

struct Label {
    /// The middle of the text.
    x: f64,
    /// The instant that it points at.
    at: f64,
    lane: usize,
    text: String,
}
