//! The plan as JSON. `plan.schema.json` says the same for other programs; a test holds the two together.

use std::io;
use std::time::Duration;

use serde::Serialize;

use super::budget::Budget;
use crate::api::background_policy::{BackgroundPolicy, EndAction, RestartPolicy};
use crate::api::record::HookKind;
use crate::plan::component::{Component, Kind};
use crate::view::print::summary::{End, Entry, Outline};

/// Goes up when a field changes its meaning or goes away; that one is added changes nothing.
const VERSION: u32 = 1;

/// The plan of an app. All times are in microseconds.
#[derive(Serialize)]
struct Plan<'a> {
    version: u32,
    app: &'a str,
    limits: Limits,
    budget: Parts,
    /// The resources that stop one after the other for longest, first to stop first.
    longest_chain: Vec<&'a str>,
    warnings: &'a [String],
    /// By level and name: an order in which they can start.
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

/// What `shutdown_timeout` is spent on, at worst.
#[derive(Serialize)]
struct Parts {
    lame_duck_us: u64,
    drain_us: u64,
    stop_us: u64,
    emergency_us: u64,
    margin_us: u64,
    /// By how much they are more than there is.
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

/// How it is started; main's body is not limited.
#[derive(Serialize)]
struct Start {
    timeout_us: u64,
    retries: u32,
    backoff_us: u64,
}

/// The time for its end: its own, or at least a share of what is left.
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

pub(super) fn render(outline: &Outline<'_>) -> io::Result<String> {
    let mut text = serde_json::to_string_pretty(&Plan::of(outline))?;
    text.push('\n');
    Ok(text)
}

impl<'a> Plan<'a> {
    fn of(outline: &'a Outline<'_>) -> Self {
        let limits = outline.plan.limits;
        Self {
            version: VERSION,
            app: &outline.plan.name,
            limits: Limits {
                shutdown_timeout_us: micros(limits.shutdown),
                drain_timeout_us: micros(limits.drain),
                lame_duck_us: micros(limits.lame_duck),
                emergency_timeout_us: micros(limits.emergency),
                startup_timeout_us: micros(limits.startup),
            },
            budget: Parts::of(outline.budget),
            longest_chain: outline.names(&outline.longest).collect(),
            warnings: &outline.plan.warnings,
            components: outline
                .by_level()
                .into_iter()
                .map(|entry| Part::of(outline, entry))
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
    fn of(outline: &'a Outline<'_>, entry: &'a Entry<'_>) -> Self {
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
            needs: outline.names(&entry.needs).collect(),
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
            every_us: policy.schedule.map(|every| micros(every.period)),
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
