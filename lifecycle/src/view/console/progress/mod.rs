//! The live lines: what is under way, what the app waits for, and what is pending. What matters most comes first, since a
//! narrow terminal truncates lines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api::event::{Event, PendingWork};
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::plan::Plan;
use crate::plan::component::Id;
use crate::plan::graph::Graph;
use crate::scope::reason::Reason;
use crate::view::status::{ComponentStatus, Phase, Status, Step};

/// What takes less gets no live line: it would only flicker.
const WORTH_A_LINE: Duration = Duration::from_millis(150);

/// Most components that are named as waiting, or as having work in flight; the rest is counted.
const NAMED: usize = 3;

/// The live lines of one life.
pub(crate) struct Progress {
    status: Status,
    /// How many components are resources: the first ones, as in the graph.
    resources: usize,
    graph: Arc<Graph>,
}

impl Progress {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            status: Status::new(plan, Instant::now()),
            resources: plan.resources,
            graph: Arc::clone(&plan.graph),
        }
    }

    /// Whether something changes with time.
    pub(super) fn is_under_way(&self) -> bool {
        match self.status.phase {
            Phase::Running if self.status.stop.is_none() => !self.status.under_way().is_empty(),
            // What is shown live must be gone: a third signal, or the deadline, would leave it on the terminal.
            Phase::Forced | Phase::Ended => false,
            _ => true,
        }
    }

    pub(super) fn apply(&mut self, event: &Event) {
        self.status.apply(event);
    }

    /// The lines to show: one for each component, as far as there is room, then one for the whole app.
    pub(super) fn lines(&self, now: Instant, room: usize) -> Vec<String> {
        let worth = |since: Instant| now.saturating_duration_since(since) >= WORTH_A_LINE;
        let mut worthy = self.status.under_way();
        worthy.retain(|component| worth(component.since));
        let stays = matches!(self.status.phase, Phase::LameDuck | Phase::Draining)
            && worth(self.status.since);
        if worthy.is_empty() && !stays {
            return Vec::new();
        }
        let line = |component: &&ComponentStatus| {
            let (step, name) = (component.step.as_str(), escape(&component.name));
            let times = used(now, component.since, component.time_limit);
            format!("{step} {name} {times}")
        };
        let shown = room.saturating_sub(1);
        let mut lines: Vec<String> = worthy.iter().take(shown).map(line).collect();
        let more = worthy.len().saturating_sub(shown);
        lines.extend(self.whole(now, more).into_iter().take(room));
        lines
    }

    /// The line of the whole app.
    fn whole(&self, now: Instant, more: usize) -> Option<String> {
        let status = &self.status;
        let mut parts = Vec::new();
        match (status.phase, &status.stop) {
            (Phase::Starting, None) => {
                let (up, all) = (status.count(Step::Up), status.components.len());
                parts.push(format!("{up} of {all} up"));
            }
            (Phase::LameDuck, _) => {
                let times = used(now, status.since, status.time_limit);
                parts.push(format!("not ready, still serving {times}"));
            }
            (Phase::Draining, _) => {
                let pending = describe(&status.pending);
                let times = used(now, status.since, status.time_limit);
                parts.push(format!("draining {times}{pending}"));
            }
            (Phase::Starting | Phase::Running | Phase::Stopping, Some(stop)) => {
                let times = used(now, stop.since, stop.time_limit);
                let stopped = status.stopped();
                parts.push(format!("{stopped} of {} stopped {times}", stop.total));
            }
            (Phase::Running | Phase::Stopping | Phase::Forced | Phase::Ended, _) => return None,
        }
        if more > 0 {
            parts.push(format!("{more} more under way"));
        }
        // Before what is waited for: a narrow terminal truncates the end.
        let hint = status
            .stop
            .as_ref()
            .map_or("Ctrl+C stops", |stop| hint(&stop.reason));
        parts.push(hint.to_owned());
        parts.extend(self.waiting());
        Some(parts.join("; "))
    }

    /// The components that would begin next, and those that they wait for.
    fn waiting(&self) -> Option<String> {
        let (waits, holds_up) = match (self.status.phase, &self.status.stop) {
            (Phase::Starting, None) => (Step::Waiting, Step::Starting),
            (Phase::Stopping, _) => (Step::Up, Step::Stopping),
            _ => return None,
        };
        let pair = |id: Id| {
            (self.step(id) == Some(waits))
                .then(|| Some((id, self.behind(id, holds_up)?)))
                .flatten()
        };
        let name = |id: Id| escape(&self.status.components[id].name);
        let mut pairs = (0..self.resources).filter_map(pair);
        let mut text = String::new();
        for (place, (id, other)) in pairs.by_ref().take(NAMED).enumerate() {
            let (name, other) = (name(id), name(other));
            text += &match place {
                0 => format!("{name} waits for {other}"),
                _ => format!(", {name} for {other}"),
            };
        }
        match pairs.count() {
            0 => (!text.is_empty()).then_some(text),
            more => Some(format!("{text} and {more} more")),
        }
    }

    fn step(&self, id: Id) -> Option<Step> {
        self.status
            .components
            .get(id)
            .map(|component| component.step)
    }

    /// The first resource at that step which the resource has to wait for, directly or through a barrier.
    fn behind(&self, id: Id, step: Step) -> Option<Id> {
        let before = |node: usize| {
            let nodes = match step {
                Step::Starting => self.graph.needs(node),
                _ => self.graph.dependents(node),
            };
            nodes.iter().map(|node| *node as usize)
        };
        let at_step = |node: &usize| self.step(*node) == Some(step);
        let is_resource = |node: &usize| *node < self.resources;
        let direct = before(id).filter(is_resource).find(at_step);
        let barriers = || before(id).filter(|node| !is_resource(node));
        direct.or_else(|| {
            barriers()
                .flat_map(before)
                .filter(is_resource)
                .find(at_step)
        })
    }
}

/// What a drain waits for, workers aside.
fn describe(pending: &PendingWork) -> String {
    let mut parts = Vec::new();
    if pending.in_flight > 0 {
        let name = |(name, units): &(Arc<str>, u64)| format!("{} {units}", escape(name));
        let mut names: Vec<String> = pending.by_scope.iter().take(NAMED).map(name).collect();
        if pending.by_scope.len() > NAMED {
            names.push("..".to_owned());
        }
        parts.push(format!(
            "{} in flight ({})",
            pending.in_flight,
            names.join(", ")
        ));
    }
    match pending.tasks {
        0 => {}
        1 => parts.push("1 task".to_owned()),
        tasks => parts.push(format!("{tasks} tasks")),
    }
    if pending.main {
        parts.push("main".to_owned());
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!(": {}", parts.join(", "))
    }
}

/// What another Ctrl+C does: only the second of those that count as signals forces.
fn hint(reason: &Reason) -> &'static str {
    match reason {
        Reason::Signal(_) => "Ctrl+C forces",
        _ => "Ctrl+C twice forces",
    }
}

/// Time used and allowed. Of what has not taken a second yet tenths are shown.
fn used(now: Instant, since: Instant, allowed: Duration) -> String {
    let used = now.saturating_duration_since(since);
    let used = match used.as_secs() {
        0 => format!("{:.1}s", used.as_secs_f64().min(0.9)),
        _ => show(Duration::from_secs(used.as_secs())),
    };
    format!("{used} / {}", show(allowed))
}

#[cfg(test)]
mod tests;
