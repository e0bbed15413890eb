//! What the probes say.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::readiness::FAILURES;
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::view::admin::status::{Board, Part, Step};

/// A runtime that has not run a task for so long is stuck, not busy.
const STALLED: Duration = Duration::from_secs(5);
/// How long `/livez` waits for the runtime: less than the second that a kubelet waits unless told otherwise. What it has
/// not said by then is told from busy by whoever asks next.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether all is well, and the words for it.
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

pub(super) async fn livez(board: &Board) -> Probe {
    let Some(liveness) = board.liveness() else {
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

pub(super) fn startupz(board: &Board) -> Probe {
    let state = board.state();
    if state.startup.is_some() {
        return Probe::good("started\n");
    }
    let what = match &state.reason {
        Some(reason) => format!("not started: stopping ({reason})\n"),
        None => "starting\n".to_owned(),
    };
    Probe::bad(what + &missing(&state.parts))
}

pub(super) async fn readyz(board: &Board) -> Probe {
    let ready = told_ready(board);
    if !ready.good {
        return ready;
    }
    // Who does not get round to a task does not get round to a request.
    let alive = livez(board).await;
    if !alive.good {
        return Probe::bad(format!("not ready: {}", alive.text));
    }
    // That may have taken a while.
    told_ready(board)
}

/// Whether it is ready as far as it has been told and heard.
fn told_ready(board: &Board) -> Probe {
    let state = board.state();
    if let Some(reason) = &state.reason {
        return Probe::bad(format!("not ready: stopping ({reason})\n"));
    }
    if !state.is_running() {
        return Probe::bad(format!("not ready: starting\n{}", missing(&state.parts)));
    }
    let mut unhealthy = String::new();
    for part in &state.parts {
        let (times, error) = &part.unhealthy;
        if *times >= FAILURES {
            let name = escape(&part.name);
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
fn missing(parts: &[Part]) -> String {
    let up = |part: &&Part| !matches!(part.step, Step::Up | Step::Finished);
    let line = |part: &Part| format!("{}: {}\n", escape(&part.name), part.step.as_str());
    parts.iter().filter(up).map(line).collect()
}

/// How each is that can be asked.
pub(super) async fn healthz(board: &Board, as_json: bool) -> Probe {
    let steps: Vec<Step> = board.state().parts.iter().map(|part| part.step).collect();
    // All are asked before the first answer is awaited.
    let ask = |check: &super::checks::Check| {
        let inside = board.inside().filter(|_| steps[check.id] == Step::Up)?;
        Some(check.ask(inside, true))
    };
    let asked: Vec<_> = board.checks.all().iter().map(ask).collect();
    let mut answers = Vec::with_capacity(asked.len());
    for (check, asked) in board.checks.all().iter().zip(asked) {
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
