//! `json`: the plan for other programs. `plan.schema.json` is its schema: a test validates one against the other.

use std::io;
use std::time::Duration;

use serde::Serialize;

use super::budget::Budget;
use crate::api::record::HookKind;
use crate::api::worker::{BackgroundPolicy, EndAction, RestartPolicy};
use crate::plan::component::{Component, Kind};
use crate::view::print::summary::{End, Entry, PlanSummary};

/// Increased when a field changes its meaning or is removed, but not when one is added.
const VERSION: u32 = 1;

/// The plan of an app. Every time is in microseconds.
#[derive(Serialize)]
struct Plan<'a> {
    version: u32,
    app: &'a str,
    limits: Limits,
    budget: Parts,
    /// The chain of resources that takes longest to stop one after the other, the first to stop first.
    longest_chain: Vec<&'a str>,
    warnings: &'a [String],
    /// By level, then by name: an order in which they can start.
    components: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Limits {
    shutdown_timeout_us: u64,
    drain_timeout_us: u64,
    lame_duck_us: u64,
    emergency_timeout_us: u64,
    startup_timeout_us: u64,
}

/// The worst case of what `shutdown_timeout` is spent on.
#[derive(Serialize)]
struct Parts {
    lame_duck_us: u64,
    drain_us: u64,
    stop_us: u64,
    emergency_us: u64,
    margin_us: u64,
    /// By how much the parts exceed the limit.
    over_us: u64,
}

#[derive(Serialize)]
struct Part<'a> {
    name: &'a str,
    kind: &'static str,
    order: Option<i32>,
    level: usize,
    needs: Vec<&'a str>,
    start: Option<Start>,
    stop: Stop,
    hooks: Vec<&'static str>,
    worker: Option<Worker>,
}

/// The limits of one attempt to start; the body of `main` has none.
#[derive(Serialize)]
struct Start {
    timeout_us: u64,
    retries: u32,
    backoff_us: u64,
}

/// The time to stop: a timeout of its own, or a share of the remaining time.
#[derive(Serialize)]
struct Stop {
    by: &'static str,
    time_us: Option<u64>,
}

#[derive(Serialize)]
struct Worker {
    every_us: Option<u64>,
    restart: &'static str,
    on_failure: &'static str,
    on_finish: &'static str,
}

pub(super) fn render(summary: &PlanSummary<'_>) -> io::Result<String> {
    let mut text = serde_json::to_string_pretty(&Plan::of(summary))?;
    text.push('\n');
    Ok(text)
}

impl<'a> Plan<'a> {
    fn of(summary: &'a PlanSummary<'_>) -> Self {
        let limits = summary.plan.limits;
        Self {
            version: VERSION,
            app: &summary.plan.name,
            limits: Limits {
                shutdown_timeout_us: micros(limits.shutdown),
                drain_timeout_us: micros(limits.drain),
                lame_duck_us: micros(limits.lame_duck),
                emergency_timeout_us: micros(limits.emergency),
                startup_timeout_us: micros(limits.startup),
            },
            budget: Parts::of(summary.budget),
            longest_chain: summary.names(&summary.longest).collect(),
            warnings: &summary.plan.warnings,
            components: summary
                .by_level()
                .into_iter()
                .map(|entry| Part::of(summary, entry))
                .collect(),
        }
    }
}

impl Parts {
    fn of(budget: Budget) -> Self {
        Self {
            lame_duck_us: micros(budget.lame_duck),
            drain_us: micros(budget.drain),
            stop_us: micros(budget.stop),
            emergency_us: micros(budget.emergency),
            margin_us: micros(budget.margin),
            over_us: micros(budget.over),
        }
    }
}

impl<'a> Part<'a> {
    fn of(summary: &'a PlanSummary<'_>, entry: &'a Entry<'_>) -> Self {
        let (by, time) = match entry.end {
            End::Nothing => ("nothing", None),
            End::Within(timeout) => ("timeout", Some(timeout)),
            End::Share(least) => ("share", Some(least)),
            End::Drain => ("drain", None),
        };
        Self {
            name: &entry.name,
            kind: entry.kind(),
            order: entry.order(),
            level: entry.level,
            needs: summary.names(&entry.needs).collect(),
            start: entry.component.map(Start::of),
            stop: Stop {
                by,
                time_us: time.map(micros),
            },
            hooks: entry.component.map(hooks).unwrap_or_default(),
            worker: entry.component.and_then(|component| match &component.kind {
                Kind::Worker { policy, .. } => Some(Worker::of(policy)),
                Kind::Resource { .. } => None,
            }),
        }
    }
}

impl Start {
    fn of(component: &Component) -> Self {
        Self {
            timeout_us: micros(component.start_timeout),
            retries: component.retries,
            backoff_us: micros(component.backoff),
        }
    }
}

impl Worker {
    fn of(policy: &BackgroundPolicy) -> Self {
        let end = |end| match end {
            EndAction::Ignore => "ignore",
            EndAction::Shutdown => "shutdown",
        };
        Self {
            every_us: policy.every.map(|every| micros(every.period)),
            restart: match policy.restart {
                RestartPolicy::Never => "never",
                RestartPolicy::OnFailure => "on_failure",
                RestartPolicy::Always => "always",
            },
            on_failure: end(policy.on_failure),
            on_finish: end(policy.on_finish),
        }
    }
}

fn hooks(component: &Component) -> Vec<&'static str> {
    [
        (HookKind::Stop, "stop"),
        (HookKind::Emergency, "emergency"),
        (HookKind::Health, "health"),
        (HookKind::Reload, "reload"),
        (HookKind::InUse, "in_use"),
    ]
    .into_iter()
    .filter(|(hook, _)| component.has(*hook))
    .map(|(_, name)| name)
    .collect()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
