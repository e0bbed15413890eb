//! What a picture is drawn from.

use std::collections::HashMap;
use std::time::Duration;

use crate::api::cleanup_layer::CleanupLayer;
use crate::life::outcome::describe;
use crate::life::outcome::{ComponentOutcome, Outcome};
use crate::life::track::{Activity, Mark, Span};
use crate::report::Report;
use crate::scope::reason::signal_name;

/// The life of an app, as far as it has come. All instants are counted from its begin.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    pub(crate) app: String,
    /// How it ended, or what it is at, and what went wrong: a line each.
    pub(crate) lines: Vec<String>,
    /// The first cause to stop, in a word or two.
    pub(crate) cause: String,
    /// What forced the end.
    pub(crate) forced: Option<&'static str>,
    /// In their order.
    pub(crate) marks: Vec<(Mark, Duration)>,
    /// What of the time to stop is kept for the emergency hooks.
    pub(crate) reserve: Duration,
    /// In the order in which they began to start, so that what starts late is below what starts early.
    pub(crate) rows: Vec<Row>,
}

/// One component.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// How far its cleanup has had to go, where there was one.
    pub(crate) layer: Option<CleanupLayer>,
    /// Whether it never came up.
    pub(crate) is_up: bool,
    /// Everything that went wrong, on one line.
    pub(crate) note: String,
    /// One follows the other. What still goes on has [`Duration::MAX`] as its end.
    pub(crate) spans: Vec<Span>,
    /// The row that came up last before its start began.
    pub(crate) start_after: Option<usize>,
    /// The row that ended last before its turn to stop, or its hook's, came.
    pub(crate) stop_after: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Worker,
    Resource,
}

impl Timeline {
    pub(crate) fn of(report: &Report) -> Self {
        let mut lines = vec![report.summary()];
        lines.extend(report.outcome().root.clone());
        lines.extend(report.left_behind());
        Self::new(report.outcome(), lines)
    }

    /// Of a life that has come as far as `outcome` says.
    pub(crate) fn new(outcome: &Outcome, lines: Vec<String>) -> Self {
        let body = outcome.body.iter().filter(|body| !body.spans.is_empty());
        let body = body.map(|outcome| (outcome, Kind::Main));
        let others = outcome.components.iter().map(|outcome| {
            let kind = if outcome.worker {
                Kind::Worker
            } else {
                Kind::Resource
            };
            (outcome, kind)
        });
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
                layer: (outcome.stopped.is_some() || outcome.layer > CleanupLayer::Safe)
                    .then_some(outcome.layer),
                is_up: outcome.started.is_some(),
                note: describe(&outcome.errors, &outcome.unfinished_tasks, &outcome.leaked),
                spans: outcome.spans.clone(),
                start_after: place(outcome.start_after.as_deref()),
                stop_after: place(outcome.stop_after.as_deref()),
            })
            .collect();
        told_after(&mut rows);
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

    /// When everything was over; for a life that goes on the time is asked of a clock.
    pub(crate) fn end(&self) -> Duration {
        let last = || self.marks.iter().map(|(_, at)| *at).max();
        self.mark(Mark::End).or_else(last).unwrap_or_default()
    }

    pub(crate) fn mark(&self, mark: Mark) -> Option<Duration> {
        let found = self.marks.iter().find(|(other, _)| *other == mark);
        found.map(|(_, at)| *at)
    }
}

/// Workers are told group by group, and emergency hooks called one by one: who ended last before is whom one waited for.
fn told_after(rows: &mut [Row]) {
    let mut ends: Vec<(Duration, usize)> = rows
        .iter()
        .enumerate()
        .filter_map(|(place, row)| Some((row.stop()?.1, place)))
        .collect();
    ends.sort_unstable();
    for (place, row) in rows.iter_mut().enumerate() {
        let Some(told) = row.told() else {
            continue;
        };
        let before = ends.partition_point(|(end, _)| *end <= told);
        let last = ends[..before]
            .iter()
            .rev()
            .find(|(_, other)| *other != place);
        row.stop_after = last.map(|(_, other)| *other);
    }
}

impl Row {
    /// From when to when it started, retries included.
    pub(crate) fn start(&self) -> Option<(Duration, Duration)> {
        extent(&self.spans, |activity| {
            matches!(activity, Activity::Starting(_) | Activity::Backoff)
        })
    }

    /// From when to when it was cleaned up: told to stop, until it was gone. Where only its hook was called, it begins there.
    pub(crate) fn stop(&self) -> Option<(Duration, Duration)> {
        extent(&self.spans, is_cleanup)
    }

    /// When it was told to stop, or its hook called, where that was not the turn of its stop.
    fn told(&self) -> Option<Duration> {
        let first = self.spans.iter().find(|span| is_cleanup(span.activity))?;
        let told = matches!(first.activity, Activity::Draining | Activity::Emergency);
        told.then_some(first.begin)
    }

    /// How often it was tried to start it.
    pub(crate) fn attempts(&self) -> u32 {
        let attempt = |span: &Span| match span.activity {
            Activity::Starting(attempt) => attempt,
            _ => 0,
        };
        self.spans.iter().map(attempt).max().unwrap_or_default()
    }
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "body of main",
            Self::Worker => "worker",
            Self::Resource => "resource",
        }
    }
}

/// Whether others, or a timer, are waited for meanwhile.
pub(crate) fn waits(activity: Activity) -> bool {
    matches!(
        activity,
        Activity::Waiting
            | Activity::Backoff
            | Activity::WaitingToStop
            | Activity::WaitingForEmergency
    )
}

/// Whether that is work for its end.
fn is_cleanup(activity: Activity) -> bool {
    matches!(
        activity,
        Activity::Draining | Activity::Stopping | Activity::Emergency | Activity::Dropping
    )
}

/// When it was its turn to start.
fn begun(spans: &[Span]) -> Option<Duration> {
    spans
        .iter()
        .find(|span| span.activity != Activity::Waiting)
        .map(|span| span.begin)
}

fn extent(spans: &[Span], of: impl Fn(Activity) -> bool) -> Option<(Duration, Duration)> {
    let mut spans = spans.iter().filter(|span| of(span.activity));
    let first = spans.next()?;
    Some((first.begin, spans.next_back().unwrap_or(first).end))
}
