//! The phases and marks of a life, which header and rows both draw.

use std::time::Duration;

use super::canvas::Picture;
use crate::base::duration::exact;
use crate::life::track::Mark;
use crate::view::picture::scale::Panel;
use crate::view::picture::text::fitting;

/// The font size of their labels.
pub(super) const SMALL: f64 = 11.0;

/// A named part of the life.
pub(super) struct Phase {
    pub(super) name: &'static str,
    pub(super) begin: Duration,
    pub(super) end: Duration,
}

impl Picture<'_> {
    /// The phases that have begun, in order, then the reserve.
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
        // The mark of the next phase comes a moment after the cause.
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

    /// The marks that are drawn as a line: class, instant and label.
    pub(super) fn marks(&self) -> Vec<(&'static str, Duration, String)> {
        let timeline = self.timeline;
        let cause = timeline.mark(Mark::Cause).unwrap_or_default();
        let since = |at: Duration| exact(at.saturating_sub(cause));
        let mut marks: Vec<(&'static str, Duration, String)> = timeline
            .marks
            .iter()
            .filter_map(|(mark, at)| {
                let (class, label) = match mark {
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
                Some((class, *at, label))
            })
            .collect();
        if timeline.mark(Mark::End).is_none() {
            marks.push(("mark now", self.now, "now".to_owned()));
            marks.sort_by_key(|(_, at, _)| *at);
        }
        marks
    }
}

/// The ticks of a panel: where each is, and the time since the begin of the panel.
pub(super) fn ticks(panel: &Panel) -> Vec<(f64, Duration)> {
    let ticks = panel.ticks();
    let x = |tick: &Duration| (panel.at(panel.begin + *tick), *tick);
    ticks.iter().map(x).collect()
}
