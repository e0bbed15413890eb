//! The answers of the probes.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::readiness::FAILURES;
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::view::admin::state::{AdminState, Known};
use crate::view::status::{ComponentStatus, Step};

/// A runtime that has not run a task for this long is stuck, not busy.
const STALLED: Duration = Duration::from_secs(5);
/// How long `/livez` waits for the runtime: less than the second that a kubelet waits by default. Whether a runtime
/// that has not answered by then is busy or stuck is decided by a later request.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether the answer is a good one, and its text.
pub(super) struct Probe {
    pub(super) good: bool,
    pub(super) text: String,
}

impl Probe {
    fn good(text: impl Into<String>) -> Self {
        Self {
            good: true,
            text: text.into(),
        }
    }

    fn bad(text: impl Into<String>) -> Self {
        Self {
            good: false,
            text: text.into(),
        }
    }
}

pub(super) async fn livez(state: &AdminState) -> Probe {
    let Some(liveness) = state.liveness() else {
        return Probe::good("alive: about to start\n");
    };
    let silent = || liveness.silent_for().unwrap_or_default();
    let patience = PATIENCE.min(STALLED.saturating_sub(silent()));
    if timeout(patience, liveness.answer()).await.is_ok() {
        return Probe::good("alive\n");
    }
    let silent = silent();
    let time = show(Duration::from_secs(silent.as_secs()));
    if silent < STALLED {
        return Probe::good("alive: the runtime is busy\n");
    }
    Probe::bad(format!(
        "stalled: the runtime has not run a task for {time}; something blocks its threads\n"
    ))
}

pub(super) fn startupz(state: &AdminState) -> Probe {
    let known = state.known();
    if known.status.startup.is_some() {
        return Probe::good("started\n");
    }
    let what = match &known.status.stop {
        Some(stop) => format!("not started: stopping ({})\n", stop.reason),
        None => "starting\n".to_owned(),
    };
    Probe::bad(what + &missing(&known))
}

pub(super) async fn readyz(state: &AdminState) -> Probe {
    let ready = known_ready(state);
    if !ready.good {
        return ready;
    }
    // A runtime that does not run a task does not run a request either.
    let alive = livez(state).await;
    if !alive.good {
        return Probe::bad(format!("not ready: {}", alive.text));
    }
    // That may have taken a while.
    known_ready(state)
}

/// Whether the app is ready by its events and health checks.
fn known_ready(state: &AdminState) -> Probe {
    let known = state.known();
    if let Some(stop) = &known.status.stop {
        return Probe::bad(format!("not ready: stopping ({})\n", stop.reason));
    }
    if !known.is_running() {
        return Probe::bad(format!("not ready: starting\n{}", missing(&known)));
    }
    let mut unhealthy = String::new();
    for (component, details) in known.components() {
        let (times, error) = &details.unhealthy;
        if *times >= FAILURES {
            let name = escape(&component.name);
            let _ = writeln!(unhealthy, "{name}: failed {times} times in a row: {error}");
        }
    }
    if unhealthy.is_empty() {
        Probe::good("ready\n")
    } else {
        Probe::bad(format!("not ready\n{unhealthy}"))
    }
}

/// A line for each component that is not up.
fn missing(known: &Known) -> String {
    let is_missing =
        |component: &&ComponentStatus| !matches!(component.step, Step::Up | Step::Finished);
    let line = |component: &ComponentStatus| {
        let name = escape(&component.name);
        format!("{name}: {}\n", component.step.as_str())
    };
    let components = known.status.components.iter();
    components.filter(is_missing).map(line).collect()
}

/// The health of each component that has a `health`.
pub(super) async fn healthz(state: &AdminState, as_json: bool) -> Probe {
    let steps = |component: &ComponentStatus| component.step;
    let steps: Vec<Step> = state.known().status.components.iter().map(steps).collect();
    // All hooks are called before the first result is awaited.
    let ask = |check: &super::checks::Check| {
        let inside = state.inside().filter(|_| steps[check.id] == Step::Up)?;
        Some(check.ask(inside, true))
    };
    let asked: Vec<_> = state.checks.all().iter().map(ask).collect();
    let mut answers = Vec::with_capacity(asked.len());
    for (check, asked) in state.checks.all().iter().zip(asked) {
        let health = match asked {
            Some(asked) => Some(asked.answer().await),
            None => None,
        };
        answers.push((&*check.name, steps[check.id], health));
    }
    let good = !answers
        .iter()
        .any(|(.., health)| matches!(health, Some(Err(_))));
    let verdict = if good { "ok" } else { "failing" };
    let text = if as_json {
        let check = |(name, step, health): &(&str, Step, Option<Result<(), String>>)| match health {
            Some(Ok(())) => json!({ "component": name, "status": "ok" }),
            Some(Err(error)) => {
                json!({ "component": name, "status": "failing", "error": error })
            }
            None => json!({ "component": name, "status": step.as_str() }),
        };
        let checks: Vec<_> = answers.iter().map(check).collect();
        format!("{}\n", json!({ "status": verdict, "checks": checks }))
    } else {
        let mut text = format!("{verdict}\n");
        for (name, step, health) in &answers {
            let name = escape(name);
            let _ = match health {
                Some(Ok(())) => writeln!(text, "{name}: ok"),
                Some(Err(error)) => writeln!(text, "{name}: failing: {error}"),
                None => writeln!(text, "{name}: not asked: {}", step.as_str()),
            };
        }
        text
    };
    Probe { good, text }
}
