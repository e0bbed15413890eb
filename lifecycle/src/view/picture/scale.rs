//! Where an instant is drawn. Startup and shutdown have a scale each, so that a short one next to a long one stays
//! legible. The time between them, and that from the end to the deadline, is drawn at a fixed width.

use std::time::Duration;

use crate::life::track::Mark;
use crate::report::timeline::Timeline;

/// The least part of the variable width that the shorter one of startup and shutdown gets.
const LEAST: f64 = 0.3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Startup,
    Running,
    Shutdown,
    /// From the end to the reserve.
    Rest,
    /// The reserve of the emergency hooks, up to the deadline, if the deadline is far from the end.
    Reserve,
}

impl Part {
    /// Its width, if that does not depend on how long it took.
    const fn fixed(self) -> Option<f64> {
        match self {
            Self::Startup | Self::Shutdown => None,
            Self::Running => Some(130.0),
            Self::Rest => Some(60.0),
            Self::Reserve => Some(76.0),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    pub(super) part: Part,
    pub(super) begin: Duration,
    pub(super) end: Duration,
    pub(super) x: f64,
    pub(super) width: f64,
}

/// Panels side by side, each of which begins when the one before it ends.
#[derive(Debug)]
pub(super) struct Scale {
    pub(super) panels: Vec<Panel>,
}

impl Scale {
    pub(super) fn new(timeline: &Timeline, now: Duration, x: f64, width: f64) -> Self {
        let cause = timeline.mark(Mark::Cause);
        let up = timeline.mark(Mark::Up);
        let mut ends = vec![(Part::Startup, up.or(cause).unwrap_or(now))];
        if up.is_some() {
            ends.push((Part::Running, cause.unwrap_or(now)));
        }
        if let Some(cause) = cause {
            let end = timeline.mark(Mark::End).unwrap_or(now).max(cause);
            let deadline = timeline.mark(Mark::Deadline).unwrap_or(end);
            // A deadline that is near is drawn to scale.
            if (deadline.saturating_sub(cause)) < (end - cause) * 2 {
                ends.push((Part::Shutdown, deadline.max(end)));
            } else {
                ends.push((Part::Shutdown, end));
                ends.push((Part::Rest, deadline.saturating_sub(timeline.reserve)));
                ends.push((Part::Reserve, deadline));
            }
        }
        let mut panels = Vec::with_capacity(4);
        let mut begin = Duration::ZERO;
        for (part, end) in ends {
            let end = end.max(begin);
            panels.push(Panel {
                part,
                begin,
                end,
                x,
                width: part.fixed().unwrap_or_default(),
            });
            begin = end;
        }
        share(&mut panels, width);
        let mut x = x;
        for panel in &mut panels {
            panel.x = x;
            x += panel.width;
        }
        Self { panels }
    }

    pub(super) fn x(&self, at: Duration) -> f64 {
        let panel = self.panels.iter().rev().find(|panel| panel.begin <= at);
        panel.map_or(self.panels[0].x, |panel| panel.at(at))
    }

    pub(super) fn right(&self) -> f64 {
        self.panels
            .last()
            .map_or(0.0, |panel| panel.x + panel.width)
    }

    pub(super) fn panel(&self, part: Part) -> Option<&Panel> {
        self.panels.iter().find(|panel| panel.part == part)
    }
}

/// Shares the width that is not fixed between startup and shutdown, in proportion to how long they took.
fn share(panels: &mut [Panel], width: f64) {
    let width = width - panels.iter().map(|panel| panel.width).sum::<f64>();
    let took = |part: Part| {
        let panel = panels.iter().find(|panel| panel.part == part);
        panel.map(|panel| panel.took().as_secs_f64())
    };
    let startup = match (took(Part::Startup), took(Part::Shutdown)) {
        (Some(startup), Some(shutdown)) if startup + shutdown > 0.0 => {
            (startup / (startup + shutdown)).clamp(LEAST, 1.0 - LEAST)
        }
        (Some(_), Some(_)) => 0.5,
        _ => 1.0,
    };
    for panel in panels {
        match panel.part {
            Part::Startup => panel.width = width * startup,
            Part::Shutdown => panel.width = width * (1.0 - startup),
            _ => {}
        }
    }
}

impl Panel {
    pub(super) fn took(&self) -> Duration {
        self.end - self.begin
    }

    pub(super) fn at(&self, at: Duration) -> f64 {
        let took = self.took().as_secs_f64();
        let offset = at.min(self.end).saturating_sub(self.begin).as_secs_f64();
        if took > 0.0 {
            self.x + self.width * offset / took
        } else {
            self.x
        }
    }

    /// Round times since the begin of the panel, far enough apart for their labels.
    pub(super) fn ticks(&self) -> Vec<Duration> {
        let took = self.took().as_nanos();
        let most = (self.width / 80.0).max(1.0);
        // A number of ticks is small.
        let least = took as f64 / most;
        let mut step: u128 = 1_000;
        'found: loop {
            for factor in [1, 2, 5] {
                if (step * factor) as f64 >= least {
                    step *= factor;
                    break 'found;
                }
            }
            step *= 10;
        }
        let nanos = |n: u128| Duration::from_nanos(u64::try_from(n).unwrap_or(u64::MAX));
        (0..=took / step).map(|n| nanos(n * step)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(took: Duration, width: f64) -> Panel {
        Panel {
            part: Part::Startup,
            begin: Duration::from_secs(7),
            end: Duration::from_secs(7) + took,
            x: 100.0,
            width,
        }
    }

    #[test]
    fn ticks_are_round_and_fit() {
        let millis =
            |all: Vec<Duration>| all.iter().map(Duration::as_millis).collect::<Vec<u128>>();
        let ticks = panel(Duration::from_millis(1900), 400.0).ticks();
        assert_eq!(millis(ticks), [0, 500, 1000, 1500]);
        let ticks = panel(Duration::from_secs(60), 400.0).ticks();
        assert_eq!(millis(ticks), [0, 20_000, 40_000, 60_000]);
        assert_eq!(panel(Duration::ZERO, 400.0).ticks(), [Duration::ZERO]);
        assert!(panel(Duration::from_nanos(1), 0.0).ticks().len() <= 2);
        for took in 0..60 {
            let took = Duration::from_nanos(1 << took);
            assert!(panel(took, 400.0).ticks().len() <= 6, "{took:?}");
        }
    }

    #[test]
    fn a_panel_without_duration_is_a_point() {
        let panel = panel(Duration::ZERO, 10.0);
        assert_eq!(panel.at(Duration::from_secs(7)), 100.0);
    }
}
