//! [`Timeline`]: what each component did when. Pictures, [`Blame`](crate::Blame) and
//! [`CriticalPath`](crate::CriticalPath) are made from it.

use std::collections::HashMap;
use std::time::Duration;

use crate::api::cleanup_layer::CleanupLayer;
use crate::life::outcome::{ComponentOutcome, Outcome, describe};
use crate::life::track::{Activity, Mark, Span};
use crate::scope::reason::signal_name;

/// The life of an app up to an instant. All instants are counted from its begin.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    pub(crate) app: String,
    /// The header of a picture: how the life ended or which phase it is in, then what went wrong.
    pub(crate) lines: Vec<String>,
    /// The first cause to stop, in a few words.
    pub(crate) cause: String,
    /// The name of the signal that forced the end.
    pub(crate) forced: Option<&'static str>,
    /// In the order of time.
    pub(crate) marks: Vec<(Mark, Duration)>,
    /// The part of the shutdown timeout that is reserved for the emergency hooks.
    pub(crate) reserve: Duration,
    /// In the order in which they began to start, so that a late start is drawn below an early one.
    pub(crate) rows: Vec<Row>,
}

/// One component.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The layer of cleanup that it needed so far; `None` without any cleanup.
    pub(crate) layer: Option<CleanupLayer>,
    /// Whether it came up.
    pub(crate) is_up: bool,
    /// Everything that went wrong, on one line.
    pub(crate) note: String,
    /// Contiguous. A span that has not ended yet has [`Duration::MAX`] as its end.
    pub(crate) spans: Vec<Span>,
    /// The row that came up last before its start began.
    pub(crate) start_after: Option<usize>,
    /// The row that ended last before its stop, or its emergency hook, was due.
    pub(crate) stop_after: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Worker,
    Resource,
}

impl Timeline {
    /// Builds the timeline of an outcome, which may be that of a life that goes on. `lines` head its picture.
    pub(crate) fn new(outcome: &Outcome, lines: Vec<String>) -> Self {
        let body = outcome.body.iter().filter(|body| !body.spans.is_empty());
        let body = body.map(|outcome| (outcome, Kind::Main));
        let others = outcome
            .components
            .iter()
            .map(|outcome| (outcome, Kind::of(outcome)));
        let mut components: Vec<(&ComponentOutcome, Kind)> = others.chain(body).collect();
        components.sort_by_key(|(outcome, kind)| {
            let begin = begun(&outcome.spans);
            (begin.is_none(), begin, *kind == Kind::Main)
        });
        let places: HashMap<&str, usize> = components
            .iter()
            .enumerate()
            .filter(|(_, (_, kind))| *kind != Kind::Main)
            .map(|(place, (outcome, _))| (&*outcome.name, place))
            .collect();
        let place = |name: Option<&str>| name.and_then(|name| places.get(name).copied());
        let mut rows: Vec<Row> = components
            .iter()
            .map(|(outcome, kind)| Row {
                name: outcome.name.to_string(),
                kind: *kind,
                layer: cleanup_layer(outcome),
                is_up: outcome.started.is_some(),
                note: describe(&outcome.errors, &outcome.unfinished_tasks, &outcome.leaked),
                spans: outcome.spans.clone(),
                start_after: place(outcome.start_after.as_deref()),
                stop_after: place(outcome.stop_after.as_deref()),
            })
            .collect();
        set_stop_after(&mut rows);
        Self {
            app: outcome.app.clone(),
            lines,
            cause: outcome.reason.to_string(),
            forced: outcome.forced.map(signal_name),
            marks: outcome.marks.clone(),
            reserve: outcome.reserve,
            rows,
        }
    }

    /// When the life ended. For a life that goes on, it is the last mark: use the age of the life instead.
    pub(crate) fn end(&self) -> Duration {
        let last = || self.marks.iter().map(|(_, at)| *at).max();
        self.mark(Mark::End).or_else(last).unwrap_or_default()
    }

    pub(crate) fn mark(&self, mark: Mark) -> Option<Duration> {
        let found = self.marks.iter().find(|(other, _)| *other == mark);
        found.map(|(_, at)| *at)
    }
}

/// Sets `stop_after` of workers and of emergency hooks, for which the driver records none. Workers are asked to stop
/// group by group, and emergency hooks are called one by one: the row that ended last before is the one that was
/// waited for.
fn set_stop_after(rows: &mut [Row]) {
    let mut ends: Vec<(Duration, usize)> = rows
        .iter()
        .enumerate()
        .filter_map(|(place, row)| Some((row.stop()?.1, place)))
        .collect();
    ends.sort_unstable();
    for (place, row) in rows.iter_mut().enumerate() {
        let Some(asked) = row.asked_to_stop() else {
            continue;
        };
        let before = ends.partition_point(|(end, _)| *end <= asked);
        let last = ends[..before]
            .iter()
            .rev()
            .find(|(_, other)| *other != place);
        row.stop_after = last.map(|(_, other)| *other);
    }
}

impl Row {
    /// From the begin to the end of its start, retries included.
    pub(crate) fn start(&self) -> Option<(Duration, Duration)> {
        extent(&self.spans, |activity| {
            matches!(activity, Activity::Starting(_) | Activity::Backoff)
        })
    }

    /// From the begin to the end of its cleanup: from the request to stop, or from its emergency hook if only that
    /// was called, until it was dropped.
    pub(crate) fn stop(&self) -> Option<(Duration, Duration)> {
        extent(&self.spans, is_cleanup)
    }

    /// When it was asked to stop, or its emergency hook was called; `None` if its cleanup began with its `stop`.
    fn asked_to_stop(&self) -> Option<Duration> {
        let first = self.spans.iter().find(|span| is_cleanup(span.activity))?;
        let asked = matches!(first.activity, Activity::Draining | Activity::Emergency);
        asked.then_some(first.begin)
    }

    /// The number of attempts to start it.
    pub(crate) fn attempts(&self) -> u32 {
        let attempt = |span: &Span| match span.activity {
            Activity::Starting(attempt) => attempt,
            _ => 0,
        };
        self.spans.iter().map(attempt).max().unwrap_or_default()
    }
}

impl Kind {
    /// The kind of a component; the body of `main` is none.
    pub(crate) fn of(component: &ComponentOutcome) -> Self {
        if component.worker {
            Self::Worker
        } else {
            Self::Resource
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "body of main",
            Self::Worker => "worker",
            Self::Resource => "resource",
        }
    }
}

/// The layer of cleanup that a component needed; `None` without any cleanup.
pub(crate) fn cleanup_layer(component: &ComponentOutcome) -> Option<CleanupLayer> {
    (component.stopped.is_some() || component.layer > CleanupLayer::Safe).then_some(component.layer)
}

/// Whether the component waits for others, or for a timer.
pub(crate) fn waits(activity: Activity) -> bool {
    matches!(
        activity,
        Activity::Waiting
            | Activity::Backoff
            | Activity::WaitingToStop
            | Activity::WaitingForEmergency
    )
}

/// Whether the activity is a part of the cleanup.
fn is_cleanup(activity: Activity) -> bool {
    matches!(
        activity,
        Activity::Draining | Activity::Stopping | Activity::Emergency | Activity::Dropping
    )
}

/// When it was its turn to start: what it waited for was up.
fn begun(spans: &[Span]) -> Option<Duration> {
    spans
        .iter()
        .find(|span| span.activity != Activity::Waiting)
        .map(|span| span.begin)
}

/// From the begin of the first to the end of the last span of these activities.
fn extent(spans: &[Span], of: impl Fn(Activity) -> bool) -> Option<(Duration, Duration)> {
    let mut spans = spans.iter().filter(|span| of(span.activity));
    let first = spans.next()?;
    Some((first.begin, spans.next_back().unwrap_or(first).end))
}
