//! The report as JSON, for other programs. `report.schema.json` is its schema: a test validates one against the other.

use std::io;
use std::time::{Duration, UNIX_EPOCH};

use humantime::format_rfc3339_micros;
use serde::Serialize;

use crate::api::leases::Outstanding;
use crate::life::outcome::ComponentOutcome;
use crate::life::track::{Activity, Mark, Span};
use crate::report::Report;
use crate::report::timeline::{Kind, cleanup_layer, waits};
use crate::scope::reason::Reason;

/// Increased when a field changes its meaning or is removed, but not when one is added.
const VERSION: u32 = 1;

/// The life of an app. Every instant is in microseconds from its begin.
#[derive(Serialize)]
struct Life<'a> {
    version: u32,
    app: &'a str,
    /// When the life began, by the wall clock, in RFC 3339.
    began: String,
    /// Whether the app came up.
    ran: bool,
    exit_code: i32,
    /// The first cause to stop, for people.
    reason: String,
    /// The signal that was the first cause.
    signal: Option<i32>,
    /// The signal that forced the end.
    forced_by: Option<i32>,
    /// The error that stopped the app, with its causes.
    root_error: Option<&'a str>,
    /// Admitted work that was aborted.
    aborted_work: Vec<AbortedWork<'a>>,
    /// Whether the runtime did not end in time and was abandoned.
    runtime_abandoned: bool,
    /// In the order of time: the deadline is last if it was met.
    marks: Vec<Instant>,
    /// The body of `main`, then the others in the order in which they ended, then those that never started.
    components: Vec<Component<'a>>,
}

#[derive(Serialize)]
struct AbortedWork<'a> {
    /// The component that admitted it, or the app.
    scope: &'a str,
    units: u64,
}

/// A mark of the life.
#[derive(Serialize)]
struct Instant {
    mark: &'static str,
    at_us: u64,
}

/// What happened to one component.
#[derive(Serialize)]
struct Component<'a> {
    name: &'a str,
    /// `main`, `worker` or `resource`.
    kind: &'static str,
    /// The layer of cleanup that it needed: `safe`, `timeout`, `emergency`; `null` if there was no cleanup.
    layer: Option<&'static str>,
    /// Whether it changed the exit code.
    unclean: bool,
    restarts: u32,
    /// In the order in which they occurred.
    errors: &'a [String],
    /// The names of tasks that did not end even when they were cancelled.
    unfinished_tasks: &'a [String],
    leases: Leases,
    /// The component that came up last before its start began.
    start_after: Option<&'a str>,
    /// The component that ended last before its stop began; only resources wait for others.
    stop_after: Option<&'a str>,
    /// What it did when, without gaps.
    spans: Vec<TimeSpan>,
}

/// How many leases were outstanding.
#[derive(Serialize)]
struct Leases {
    /// When its stop began.
    before: usize,
    /// After its stop: leaks.
    leaked: usize,
    /// The oldest of the leaked leases, at most 16, if the resource uses `Leases`.
    oldest: Vec<Leak>,
}

#[derive(Serialize)]
struct Leak {
    /// Where the lease was acquired.
    file: &'static str,
    line: u32,
    /// How long it had been outstanding.
    age_us: u64,
}

/// A span of time that a component spent in one activity.
#[derive(Serialize)]
struct TimeSpan {
    activity: &'static str,
    /// Whether it waited for others, or for a retry.
    waits: bool,
    /// The number of the attempt to start, from 1; the 32nd stands for all that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    begin_us: u64,
    end_us: u64,
}

pub(super) fn render(report: &Report) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(&Life::of(report))?;
    text.push(b'\n');
    Ok(text)
}

impl<'a> Life<'a> {
    fn of(report: &'a Report) -> Self {
        let outcome = report.outcome();
        let body = outcome
            .body
            .iter()
            .map(|outcome| Component::of(outcome, Kind::Main));
        let others = outcome
            .components
            .iter()
            .map(|outcome| Component::of(outcome, Kind::of(outcome)));
        Self {
            version: VERSION,
            app: &outcome.app,
            // The format has no earlier instants.
            began: format_rfc3339_micros(outcome.began.max(UNIX_EPOCH)).to_string(),
            ran: outcome.ran,
            exit_code: outcome.exit_code,
            reason: outcome.reason.to_string(),
            signal: match outcome.reason {
                Reason::Signal(number) => Some(number),
                _ => None,
            },
            forced_by: outcome.forced,
            root_error: outcome.root.as_deref(),
            aborted_work: outcome
                .cut_work
                .iter()
                .map(|(scope, units)| AbortedWork {
                    scope,
                    units: *units,
                })
                .collect(),
            runtime_abandoned: report.abandoned_runtime().is_some(),
            marks: outcome.marks.iter().copied().map(Instant::of).collect(),
            components: body.chain(others).collect(),
        }
    }
}

impl Instant {
    fn of((mark, at): (Mark, Duration)) -> Self {
        let mark = match mark {
            Mark::Up => "up",
            Mark::Cause => "cause",
            Mark::LameDuck => "lame_duck",
            Mark::Drain => "drain",
            Mark::Stop => "stop",
            Mark::Forced => "forced",
            Mark::Emergency => "emergency",
            Mark::End => "end",
            Mark::Deadline => "deadline",
        };
        let at_us = micros(at);
        Self { mark, at_us }
    }
}

impl<'a> Component<'a> {
    fn of(outcome: &'a ComponentOutcome, kind: Kind) -> Self {
        Self {
            name: &outcome.name,
            kind: match kind {
                Kind::Main => "main",
                Kind::Worker => "worker",
                Kind::Resource => "resource",
            },
            layer: cleanup_layer(outcome).map(|layer| layer.as_str()),
            unclean: outcome.unclean,
            restarts: outcome.restarts,
            errors: &outcome.errors,
            unfinished_tasks: &outcome.unfinished_tasks,
            leases: Leases {
                before: outcome.leaked.before_stop,
                leaked: outcome.leaked.after_stop,
                oldest: outcome.leaked.oldest.iter().map(Leak::of).collect(),
            },
            start_after: outcome.start_after.as_deref(),
            stop_after: outcome.stop_after.as_deref(),
            spans: outcome.spans.iter().map(TimeSpan::of).collect(),
        }
    }
}

impl Leak {
    fn of(lease: &Outstanding) -> Self {
        Self {
            file: lease.place().file(),
            line: lease.place().line(),
            age_us: micros(lease.age()),
        }
    }
}

impl TimeSpan {
    fn of(span: &Span) -> Self {
        let activity = match span.activity {
            Activity::Waiting => "waiting",
            Activity::Starting(_) => "starting",
            Activity::Backoff => "backoff",
            Activity::Running => "running",
            Activity::Draining => "draining",
            Activity::WaitingToStop => "waiting_to_stop",
            Activity::Stopping => "stopping",
            Activity::WaitingForEmergency => "waiting_for_emergency",
            Activity::Emergency => "emergency",
            Activity::Dropping => "dropping",
        };
        let attempt = match span.activity {
            Activity::Starting(attempt) => Some(attempt),
            _ => None,
        };
        Self {
            activity,
            waits: waits(span.activity),
            attempt,
            begin_us: micros(span.begin),
            end_us: micros(span.end),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
