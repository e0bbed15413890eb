//! What is above the rows: what the life was, the legend, the marks, the phases and the scales.

use std::fmt::Write as _;
use std::time::Duration;

use super::{MARGIN, Picture, WIDTH};
use crate::base::duration::exact;
use crate::life::track::Mark;
use crate::view::picture::scale::{Panel, Part};
use crate::view::picture::text::{fitting, width};

const LINE: f64 = 19.0;
/// A label of a mark.
const LANE: f64 = 15.0;
/// The names of the phases.
pub(super) const STRIP: f64 = 18.0;
const SMALL: f64 = 11.0;
/// So many lines are shown; of the first error that is enough.
const MOST_LINES: usize = 3;

/// What the colours and patterns mean.
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

/// A stretch of the life that has a name.
pub(super) struct Phase {
    pub(super) name: &'static str,
    pub(super) begin: Duration,
    pub(super) end: Duration,
}

impl Picture<'_> {
    /// Draws the head; the rows begin below it.
    pub(super) fn head(&mut self) {
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

    fn legend(&mut self, y: f64) {
        let mut x = MARGIN;
        for (class, says) in LEGEND {
            // As it is drawn in a row.
            let (height, inset) = match class {
                "waiting" => (6.0, 3.0),
                "running" => (4.0, 4.0),
                _ => (12.0, 0.0),
            };
            self.rect(class, (x, y - 10.0 + inset), (26.0, height));
            self.text("quiet", "start", SMALL, (x + 32.0, y), says);
            x += 32.0 + width(says) * SMALL + 18.0;
        }
        let says = "point at a bar or a row for details";
        self.text("quiet hint", "end", SMALL, (WIDTH - MARGIN, y), says);
    }

    /// The phases, as far as the life has come; then the reserve.
    pub(super) fn phases(&self) -> Vec<Phase> {
        let timeline = self.timeline;
        let end = timeline.mark(Mark::End).unwrap_or(self.now);
        let cause = timeline.mark(Mark::Cause);
        let up = timeline.mark(Mark::Up);
        let mut begins = vec![("startup", Duration::ZERO)];
        begins.extend(up.map(|at| ("running", at)));
        begins.extend(timeline.marks.iter().filter_map(|(mark, at)| {
            let name = match mark {
                Mark::LameDuck => "lame duck",
                Mark::Drain => "drain",
                Mark::Stop => "stop",
                Mark::Emergency => "emergency",
                _ => return None,
            };
            Some((name, *at))
        }));
        let ends: Vec<Duration> = begins.iter().skip(1).map(|(_, at)| *at).collect();
        let mut phases: Vec<Phase> = begins
            .into_iter()
            .zip(ends.into_iter().chain([end]))
            .map(|((name, begin), end)| Phase { name, begin, end })
            .collect();
        // A moment passes between cause and drain.
        if let (Some(cause), Some(running)) = (
            cause,
            phases
                .iter_mut()
                .find(|p| p.end > p.begin && p.name == "running"),
        ) {
            running.end = running.end.min(cause);
        }
        if let Some(deadline) = timeline.mark(Mark::Deadline) {
            let begin = deadline.saturating_sub(timeline.reserve).max(end);
            if begin < deadline {
                phases.push(Phase {
                    name: "reserve",
                    begin,
                    end: deadline,
                });
            }
        }
        phases
    }

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
            let says = [long.as_str(), phase.name]
                .into_iter()
                .find(|says| width(says) * SMALL <= room);
            if let Some(says) = says {
                let at = ((x + right) / 2.0, y + 13.0);
                self.text("strong", "middle", SMALL, at, says);
            }
            self.out.push_str("</g>\n");
        }
    }

    /// The numbers of the scales, each of which counts from its own begin.
    pub(super) fn numbers(&mut self, y: f64) {
        for panel in self.scale.panels.clone() {
            let plus = match panel.part {
                Part::Startup => "",
                Part::Shutdown => "+",
                _ => continue,
            };
            // One at the right end would meet the first of the shutdown, where that follows at once.
            let alone = panel.part == Part::Shutdown || self.scale.panel(Part::Running).is_some();
            let room = if alone { 14.0 } else { 36.0 };
            for (at, tick) in ticks(&panel) {
                if at < panel.x + panel.width - room || at == panel.x {
                    let says = format!("{plus}{}", exact(tick));
                    self.text("quiet", "middle", 10.0, (at, y), &says);
                }
            }
        }
    }

    /// The labels of the marks, in as many lanes as they take.
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

    /// What has a line of its own: how it is drawn, when it was, what it says.
    pub(super) fn marks(&self) -> Vec<(&'static str, Duration, String)> {
        let timeline = self.timeline;
        let cause = timeline.mark(Mark::Cause).unwrap_or_default();
        let since = |at: Duration| exact(at.saturating_sub(cause));
        let mut marks: Vec<(&'static str, Duration, String)> = timeline
            .marks
            .iter()
            .filter_map(|(mark, at)| {
                let (class, says) = match mark {
                    Mark::Up => ("mark up", format!("up {}", exact(*at))),
                    Mark::Cause => ("mark", fitting(&timeline.cause, SMALL, 220.0)),
                    Mark::Forced => {
                        let by = timeline.forced.unwrap_or("forced");
                        ("mark forced", format!("{by} again +{}", since(*at)))
                    }
                    Mark::Emergency => ("mark emergencies", format!("emergency +{}", since(*at))),
                    Mark::End => ("mark", format!("end +{}", since(*at))),
                    Mark::Deadline => ("mark deadline", format!("deadline +{}", since(*at))),
                    Mark::LameDuck | Mark::Drain | Mark::Stop => return None,
                };
                Some((class, *at, says))
            })
            .collect();
        if timeline.mark(Mark::End).is_none() {
            marks.push(("mark now", self.now, "now".to_owned()));
            marks.sort_by_key(|(_, at, _)| *at);
        }
        marks
    }
}

/// Where the ticks of a panel are, and what they count.
pub(super) fn ticks(panel: &Panel) -> Vec<(f64, Duration)> {
    let ticks = panel.ticks();
    let x = |tick: &Duration| (panel.at(panel.begin + *tick), *tick);
    ticks.iter().map(x).collect()
}

struct Label {
    /// The middle of its text.
    x: f64,
    /// What it points at.
    at: f64,
    lane: usize,
    text: String,
}
