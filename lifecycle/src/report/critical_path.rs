//! The critical paths: the chains of components that determined how long startup and shutdown took.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use crate::base::duration::exact;
use crate::error::escape::escape;
use crate::life::track::Mark;
use crate::report::timeline::{Kind, Timeline};

/// What passes between any two steps without a component being waited for: the driver's own work.
const UNREMARKABLE: Duration = Duration::from_millis(1);

/// The critical paths of startup and shutdown, as text; returned by
/// [`Report::critical_path`](crate::Report::critical_path).
///
/// A critical path is a chain of components, each of which waited for the one before it: only a faster component of the
/// chain makes the phase faster.
///
/// It displays as two lists, one of the startup and one of the shutdown, each headed by how long the phase took. Each
/// has a line per step in the order in which they happened, with when the step began, counted from the begin of the
/// phase, the component, and how long it took. `(lame duck)` and `(work in flight)` are steps of the shutdown that
/// belong to no component. An empty list is omitted. Times are rounded for reading (`340µs`, `1.25s`).
///
/// ```
/// use lifecycle::{Lifecycle, Shutdown};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lifecycle::StartError> {
/// let running = Lifecycle::builder()
///     .background("poll", |shutdown: Shutdown| async move { shutdown.requested().await })
///     .start()
///     .await?;
/// let path = running.stop().await.critical_path().to_string();
/// assert!(path.starts_with("critical path of the startup, ") && path.contains("  poll "));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CriticalPath {
    startup: Path,
    shutdown: Path,
}

#[derive(Debug, Clone)]
struct Path {
    took: Duration,
    /// Each with its begin, its label, and how long it took.
    steps: Vec<(Duration, String, Duration)>,
}

/// Both paths, each in the order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CriticalSteps {
    pub(crate) startup: Vec<Step>,
    pub(crate) shutdown: Vec<Step>,
}

/// What was waited for from `begin` to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) subject: Subject,
    pub(crate) begin: Duration,
    pub(crate) end: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The component of that row.
    Row(usize),
    LameDuck,
    /// Work in flight, tasks of the app, starts that were under way.
    Work,
}

impl CriticalPath {
    pub(crate) fn of(timeline: &Timeline, now: Duration) -> Self {
        let critical = CriticalSteps::of(timeline, now);
        let labelled = |steps: Vec<Step>, since: Duration| {
            let step = |step: Step| {
                let label = match step.subject {
                    Subject::Row(place) => escape(&timeline.rows[place].name),
                    Subject::LameDuck => "(lame duck)".to_owned(),
                    Subject::Work => "(work in flight)".to_owned(),
                };
                // A worker may have ended before the shutdown began.
                let begin = step.begin.saturating_sub(since);
                (begin, label, step.end.saturating_sub(step.begin))
            };
            steps.into_iter().map(step).collect()
        };
        let cause = timeline.mark(Mark::Cause);
        let up = timeline.mark(Mark::Up).or(cause).unwrap_or(now);
        let end = timeline.mark(Mark::End).unwrap_or(now);
        Self {
            startup: Path {
                took: up,
                steps: labelled(critical.startup, Duration::ZERO),
            },
            shutdown: Path {
                took: cause.map_or(Duration::ZERO, |cause| end.saturating_sub(cause)),
                steps: labelled(critical.shutdown, cause.unwrap_or_default()),
            },
        }
    }
}

impl fmt::Display for CriticalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, path) in [("startup", &self.startup), ("shutdown", &self.shutdown)] {
            if path.steps.is_empty() {
                continue;
            }
            writeln!(f, "critical path of the {what}, {}:", exact(path.took))?;
            for (begin, label, took) in &path.steps {
                writeln!(f, "  {:>8}  {label} {}", exact(*begin), exact(*took))?;
            }
        }
        Ok(())
    }
}

impl CriticalSteps {
    pub(crate) fn of(timeline: &Timeline, now: Duration) -> Self {
        Self {
            startup: startup(timeline, now),
            shutdown: shutdown(timeline, now),
        }
    }
}

/// Follows `start_after` back from the component that came up last, or that failed last.
fn startup(timeline: &Timeline, now: Duration) -> Vec<Step> {
    let until = timeline
        .mark(Mark::Up)
        .or(timeline.mark(Mark::Cause))
        .unwrap_or(now);
    let step = |place: usize| {
        let (begin, end) = timeline.rows[place].start()?;
        let end = end.min(until);
        let subject = Subject::Row(place);
        (begin <= end).then_some(Step {
            subject,
            begin,
            end,
        })
    };
    let last = (0..timeline.rows.len())
        .filter_map(step)
        .max_by_key(|step| step.end);
    let after = |place: usize| timeline.rows[place].start_after.and_then(step);
    chain(last, after)
}

/// Follows `stop_after` back from the component that ended last, for resources and for workers separately: the drain
/// lies between them.
fn shutdown(timeline: &Timeline, now: Duration) -> Vec<Step> {
    let Some(cause) = timeline.mark(Mark::Cause) else {
        return Vec::new();
    };
    let step = |place: usize| {
        let (begin, end) = timeline.rows[place].stop()?;
        let end = end.min(now);
        let subject = Subject::Row(place);
        // A worker that ended before the cause held up nothing.
        (cause <= end && begin <= end).then_some(Step {
            subject,
            begin,
            end,
        })
    };
    let after = |place: usize| timeline.rows[place].stop_after.and_then(step);
    let latest = |of: &dyn Fn(usize) -> bool| {
        let places = (0..timeline.rows.len()).filter(|place| of(*place));
        places.filter_map(step).max_by_key(|step| step.end)
    };
    let is_resource = |place: usize| timeline.rows[place].kind == Kind::Resource;
    let resources = chain(latest(&is_resource), after);
    let workers = chain(latest(&|place| !is_resource(place)), after);

    let drain = timeline.mark(Mark::Drain);
    let stop = timeline.mark(Mark::Stop);
    let mut path = Vec::new();
    let duck = timeline.mark(Mark::LameDuck);
    path.extend(duck.zip(drain).map(|(begin, end)| Step {
        subject: Subject::LameDuck,
        begin,
        end,
    }));
    let drained = workers.last().map(|step| step.end).or(drain);
    path.extend(workers);
    if let (Some(begin), Some(end)) = (drained, stop.or(timeline.mark(Mark::Emergency)))
        && end.saturating_sub(begin) > UNREMARKABLE
    {
        path.push(Step {
            subject: Subject::Work,
            begin,
            end,
        });
    }
    path.extend(resources);
    path
}

/// The steps that lead to the last one, in the order of time.
fn chain(last: Option<Step>, before: impl Fn(usize) -> Option<Step>) -> Vec<Step> {
    let mut path: Vec<Step> = Vec::new();
    let mut known = HashSet::new();
    let mut next = last;
    while let Some(step) = next {
        let Subject::Row(place) = step.subject else {
            break;
        };
        // Each step lies before the one that it leads to. Steps of no time at the same instant can name each other as
        // the one before: `known` keeps the chain from going round.
        if path.last().is_some_and(|later| step.end > later.begin) || !known.insert(place) {
            break;
        }
        path.push(step);
        next = before(place);
    }
    path.reverse();
    path
}
