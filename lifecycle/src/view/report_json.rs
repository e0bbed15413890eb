//! The report as JSON. `report.schema.json` says the same for other programs; a test holds the two together.

use std::io;
use std::time::{Duration, UNIX_EPOCH};

use humantime::format_rfc3339_micros;
use serde::Serialize;

use crate::api::cleanup_layer::CleanupLayer;
use crate::api::leases::Outstanding;
use crate::life::outcome::ComponentOutcome;
use crate::life::track::{Activity, Mark, Span};
use crate::report::Report;
use crate::scope::reason::Reason;

/// Goes up when a field changes its meaning or goes away; that one is added changes nothing.
const VERSION: u32 = 1;

/// The life of an app. All instants are in microseconds from its begin.
#[derive(Serialize)]
struct Life<'a> {
    version: u32,
    app: &'a str,
    /// When it began, by the wall clock, in RFC 3339.
    began: String,
    /// Whether everything came up.
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
    /// Admitted work that was cut.
    cut_work: Vec<CutWork<'a>>,
    /// Whether the runtime did not end: tasks of the app held it.
    runtime_left_behind: bool,
    /// In their order. The deadline is the last one where it was kept.
    marks: Vec<Instant>,
    /// Main's body, then the others in the order in which they ended, those that never started last.
    components: Vec<Component<'a>>,
}

#[derive(Serialize)]
struct CutWork<'a> {
    /// Whose it was: a component, or the app.
    scope: &'a str,
    units: u64,
}

/// An instant of the whole life.
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
    /// How far its cleanup had to go: `safe`, `timeout`, `emergency`; `null` where there was none.
    layer: Option<&'static str>,
    /// Whether it changed the exit code.
    unclean: bool,
    restarts: u32,
    /// What went wrong, in the order in which it did.
    errors: &'a [String],
    /// Tasks that did not end even when cancelled.
    unfinished_tasks: &'a [String],
    leases: Leases,
    /// Who came up last before its start began.
    start_after: Option<&'a str>,
    /// Who ended last before its turn to stop came; only resources wait so.
    stop_after: Option<&'a str>,
    /// What it did when: one follows the other.
    spans: Vec<Activities>,
}

/// How many leases were out.
#[derive(Serialize)]
struct Leases {
    /// When its stop began.
    before: usize,
    /// After its stop: leaks.
    leaked: usize,
    /// The oldest of these, where the resource knows them; at most 16.
    oldest: Vec<Leak>,
}

#[derive(Serialize)]
struct Leak {
    /// Where the lease was taken.
    file: &'static str,
    line: u32,
    /// How long it had been out.
    age_us: u64,
}

/// A time that a component spent at one thing.
#[derive(Serialize)]
struct Activities {
    activity: &'static str,
    /// Whether it waited for others meanwhile, or for a retry.
    waits: bool,
    /// Which attempt to start, from 1; the 32nd stands for all that follow.
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
            .map(|outcome| Component::of(outcome, "main"));
        let others = outcome.components.iter().map(|outcome| {
            let kind = if outcome.worker { "worker" } else { "resource" };
            Component::of(outcome, kind)
        });
        Self {
            version: VERSION,
            app: &outcome.app,
            // An earlier one has no form there.
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
            cut_work: outcome
                .aborted_work
                .iter()
                .map(|(scope, units)| CutWork {
                    scope,
                    units: *units,
                })
                .collect(),
            runtime_left_behind: report.left_behind.is_some(),
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
    fn of(outcome: &'a ComponentOutcome, kind: &'static str) -> Self {
        let cleaned_up = outcome.stopped.is_some() || outcome.layer > CleanupLayer::Safe;
        Self {
            name: &outcome.name,
            kind,
            layer: cleaned_up.then(|| outcome.layer.as_str()),
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
            spans: outcome.spans.iter().map(Activities::of).collect(),
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

impl Activities {
    fn of(span: &Span) -> Self {
        let (activity, waits, attempt) = match span.activity {
            Activity::Waiting => ("waiting", true, None),
            Activity::Starting(attempt) => ("starting", false, Some(attempt)),
            Activity::Backoff => ("backoff", true, None),
            Activity::Running => ("running", false, None),
            Activity::Draining => ("draining", false, None),
            Activity::WaitingToStop => ("waiting_to_stop", true, None),
            Activity::Stopping => ("stopping", false, None),
            Activity::WaitingForEmergency => ("waiting_for_emergency", true, None),
            Activity::Emergency => ("emergency", false, None),
            Activity::Dropping => ("dropping", false, None),
        };
        Self {
            activity,
            waits,
            attempt,
            begin_us: micros(span.begin),
            end_us: micros(span.end),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
