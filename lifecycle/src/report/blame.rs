//! [`Blame`] and [`CriticalPath`]: who took how long, as text.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use super::timeline::Timeline;
use crate::base::duration::exact;
use crate::error::escape::escape;
use crate::life::track::Mark;
use crate::report::critical_path::{Critical, Step, Who};

/// So many are named; of the others it is said how many there are.
const MOST: usize = 20;

/// Who took longest to start and to stop, what they waited for not included; see [`Report::blame`](crate::Report::blame).
#[derive(Debug, Clone)]
pub struct Blame {
    start: Vec<(Duration, String)>,
    stop: Vec<(Duration, String)>,
}

/// The chains that startup and shutdown could not have been faster than; see
/// [`Report::critical_path`](crate::Report::critical_path).
#[derive(Debug, Clone)]
pub struct CriticalPath {
    startup: Path,
    shutdown: Path,
}

#[derive(Debug, Clone)]
struct Path {
    took: Duration,
    /// When it began, who, and how long it took.
    steps: Vec<(Duration, String, Duration)>,
}

impl Blame {
    pub(crate) fn of(timeline: &Timeline, now: Duration) -> Self {
        let took = |(begin, end): (Duration, Duration)| end.min(now).saturating_sub(begin);
        let mut start = Vec::new();
        let mut stop = Vec::new();
        for row in &timeline.rows {
            start.extend(row.start().map(|extent| (took(extent), escape(&row.name))));
            stop.extend(row.stop().map(|extent| (took(extent), escape(&row.name))));
        }
        for list in [&mut start, &mut stop] {
            list.sort_by_key(|(took, _)| Reverse(*took));
        }
        Self { start, stop }
    }
}

impl CriticalPath {
    pub(crate) fn of(timeline: &Timeline, now: Duration) -> Self {
        let critical = Critical::of(timeline, now);
        let named = |steps: Vec<Step>, since: Duration| {
            let step = |step: Step| {
                let who = match step.who {
                    Who::Row(place) => escape(&timeline.rows[place].name),
                    Who::LameDuck => "(lame duck)".to_owned(),
                    Who::Work => "(work in flight)".to_owned(),
                };
                // A worker may have ended before the shutdown began.
                let begin = step.begin.saturating_sub(since);
                (begin, who, step.end.saturating_sub(step.begin))
            };
            steps.into_iter().map(step).collect()
        };
        let cause = timeline.mark(Mark::Cause);
        let up = timeline.mark(Mark::Up).or(cause).unwrap_or(now);
        let end = timeline.mark(Mark::End).unwrap_or(now);
        Self {
            startup: Path {
                took: up,
                steps: named(critical.startup, Duration::ZERO),
            },
            shutdown: Path {
                took: cause.map_or(Duration::ZERO, |cause| end.saturating_sub(cause)),
                steps: named(critical.shutdown, cause.unwrap_or_default()),
            },
        }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, list) in [("start", &self.start), ("stop", &self.stop)] {
            if list.is_empty() {
                continue;
            }
            writeln!(f, "longest to {what}:")?;
            for (took, name) in list.iter().take(MOST) {
                writeln!(f, "  {:>8}  {name}", exact(*took))?;
            }
            if let Some(more @ 1..) = list.len().checked_sub(MOST) {
                writeln!(f, "            and {more} more")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for CriticalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, path) in [("startup", &self.startup), ("shutdown", &self.shutdown)] {
            if path.steps.is_empty() {
                continue;
            }
            writeln!(f, "critical path of the {what}, {}:", exact(path.took))?;
            for (begin, who, took) in &path.steps {
                writeln!(f, "  {:>8}  {who} {}", exact(*begin), exact(*took))?;
            }
        }
        Ok(())
    }
}
