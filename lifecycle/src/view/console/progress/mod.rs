//! What is under way, who waits for whom, and what is left: as lines that are short enough for a narrow terminal where it
//! matters, what matters most first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api::event::{EventKind, PendingWork};
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::plan::Plan;
use crate::plan::component::Id;
use crate::plan::graph::Graph;
use crate::scope::reason::Reason;

/// What takes less gets no live line: it would only flicker.
const WORTH_A_LINE: Duration = Duration::from_millis(150);

/// Most who are named that wait, or whose work is in flight.
const NAMED: usize = 3;

pub(in crate::view) struct Progress {
    names: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, Id>,
    /// How many of them are resources: the first ones, as in the graph.
    resources: usize,
    graph: Arc<Graph>,
    steps: Vec<Step>,
    /// In the order in which they began.
    under_way: Vec<UnderWay>,
    phase: Phase,
    /// Once there is a cause to stop.
    stop: Option<Stop>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Waiting,
    Starting,
    Up,
    Stopping,
    Ended,
}

struct UnderWay {
    name: Arc<str>,
    what: &'static str,
    since: Instant,
    allowed: Duration,
}

enum Phase {
    Starting,
    Running,
    LameDuck(Instant, Duration),
    Draining(Instant, Duration, PendingWork),
    Stopping,
    /// What is shown live is over: a third signal, or the deadline, would leave it there.
    Forced,
}

struct Stop {
    since: Instant,
    limit: Duration,
    /// How many were up.
    total: usize,
    /// What another Ctrl+C does.
    hint: &'static str,
}

impl Progress {
    pub(in crate::view) fn new(plan: &Plan) -> Self {
        let names = plan.components.iter().map(|part| Arc::clone(&part.name));
        let names: Vec<Arc<str>> = names.collect();
        let ids = names.iter().cloned().zip(0..).collect();
        Self {
            steps: vec![Step::Waiting; names.len()],
            names,
            ids,
            resources: plan.resources,
            graph: Arc::clone(&plan.graph),
            under_way: Vec::new(),
            phase: Phase::Starting,
            stop: None,
        }
    }

    /// Whether something changes with time.
    pub(super) fn is_under_way(&self) -> bool {
        match self.phase {
            Phase::Running => !self.under_way.is_empty(),
            Phase::Forced => false,
            _ => true,
        }
    }

    pub(super) fn hear(&mut self, notice: &EventKind, now: Instant) {
        match notice {
            EventKind::Starting { name, time_limit } => {
                self.begin(name, "starting", Step::Starting, *time_limit, now);
            }
            EventKind::Stopping { name, time_limit } => {
                self.begin(name, "stopping", Step::Stopping, *time_limit, now);
                // Resources stop when the drain is over.
                let is_resource = self.ids.get(name).is_some_and(|id| *id < self.resources);
                if is_resource && matches!(self.phase, Phase::Draining(..)) {
                    self.phase = Phase::Stopping;
                }
            }
            EventKind::Started { name, .. } => self.end(name, Step::Up),
            EventKind::Stopped { name, .. }
            | EventKind::Finished { name }
            | EventKind::StartFailed {
                name,
                retry_in: None,
                ..
            }
            | EventKind::Failed {
                name,
                retry_in: None,
                ..
            } => self.end(name, Step::Ended),
            EventKind::Running { .. } => self.phase = Phase::Running,
            EventKind::ShutdownBegan { reason, time_limit } => {
                // What was starting or running is not what is under way now.
                self.under_way.clear();
                self.stop = Some(Stop {
                    since: now,
                    limit: *time_limit,
                    total: self.count(Step::Up),
                    hint: hint(reason),
                });
                self.phase = Phase::Stopping;
            }
            EventKind::LameDuck { time } => self.phase = Phase::LameDuck(now, *time),
            EventKind::Draining {
                pending,
                time_limit,
            } => {
                self.phase = Phase::Draining(now, *time_limit, pending.clone());
            }
            EventKind::StillDraining { pending } => {
                if let Phase::Draining(.., known) = &mut self.phase {
                    known.clone_from(pending);
                }
            }
            EventKind::Forced { .. } => {
                self.under_way.clear();
                self.phase = Phase::Forced;
            }
            _ => {}
        }
    }

    fn begin(
        &mut self,
        name: &Arc<str>,
        what: &'static str,
        step: Step,
        allowed: Duration,
        since: Instant,
    ) {
        if matches!(self.phase, Phase::Forced) {
            return;
        }
        self.end(name, step);
        self.under_way.push(UnderWay {
            name: Arc::clone(name),
            what,
            since,
            allowed,
        });
    }

    fn end(&mut self, name: &Arc<str>, step: Step) {
        self.under_way.retain(|under_way| under_way.name != *name);
        if let Some(id) = self.ids.get(name) {
            self.steps[*id] = step;
        }
    }

    fn count(&self, step: Step) -> usize {
        self.steps.iter().filter(|other| **other == step).count()
    }

    /// What to show of it: a line for each component, as far as there is room, then one for all.
    pub(super) fn lines(&self, now: Instant, room: usize) -> Vec<String> {
        let worth = |since: Instant| now.saturating_duration_since(since) >= WORTH_A_LINE;
        let worthy: Vec<_> = self
            .under_way
            .iter()
            .filter(|under_way| worth(under_way.since))
            .collect();
        let stays = match self.phase {
            Phase::LameDuck(since, _) | Phase::Draining(since, ..) => worth(since),
            _ => false,
        };
        if worthy.is_empty() && !stays {
            return Vec::new();
        }
        let line = |under_way: &&UnderWay| {
            let (what, name) = (under_way.what, escape(&under_way.name));
            let times = used(now, under_way.since, under_way.allowed);
            format!("{what} {name} {times}")
        };
        let shown = room.saturating_sub(1);
        let mut lines: Vec<String> = worthy.iter().take(shown).map(line).collect();
        let more = worthy.len().saturating_sub(shown);
        lines.extend(self.whole(now, more).into_iter().take(room));
        lines
    }

    /// Where all of it is.
    fn whole(&self, now: Instant, more: usize) -> Option<String> {
        let mut parts = Vec::new();
        match &self.phase {
            Phase::Starting => {
                let up = self.count(Step::Up);
                parts.push(format!("{up} of {} up", self.steps.len()));
            }
            Phase::LameDuck(since, time) => {
                let times = used(now, *since, *time);
                parts.push(format!("not ready, still serving {times}"));
            }
            Phase::Draining(since, time, left) => {
                let what = describe(left);
                let times = used(now, *since, *time);
                parts.push(format!("draining {times}{what}"));
            }
            Phase::Stopping => {
                let stop = self.stop.as_ref()?;
                let left = self.count(Step::Up) + self.count(Step::Stopping);
                let stopped = stop.total.saturating_sub(left);
                let times = used(now, stop.since, stop.limit);
                parts.push(format!("{stopped} of {} stopped {times}", stop.total));
            }
            Phase::Running | Phase::Forced => return None,
        }
        if more > 0 {
            parts.push(format!("{more} more under way"));
        }
        // Before who waits: of a narrow terminal the end is cut.
        let hint = self.stop.as_ref().map_or("Ctrl+C stops", |stop| stop.hint);
        parts.push(hint.to_owned());
        parts.extend(self.waiting());
        Some(parts.join("; "))
    }

    /// Who would begin next, and whom they wait for.
    fn waiting(&self) -> Option<String> {
        let (waits, holds_up) = match self.phase {
            Phase::Starting => (Step::Waiting, Step::Starting),
            Phase::Stopping => (Step::Up, Step::Stopping),
            _ => return None,
        };
        let whom = |id: Id| {
            (self.steps[id] == waits)
                .then(|| Some((id, self.behind(id, holds_up)?)))
                .flatten()
        };
        let mut pairs = (0..self.resources).filter_map(whom);
        let mut says = String::new();
        for (place, (id, other)) in pairs.by_ref().take(NAMED).enumerate() {
            let (name, other) = (escape(&self.names[id]), escape(&self.names[other]));
            says += &match place {
                0 => format!("{name} waits for {other}"),
                _ => format!(", {name} for {other}"),
            };
        }
        match pairs.count() {
            0 => (!says.is_empty()).then_some(says),
            more => Some(format!("{says} and {more} more")),
        }
    }

    /// The first at that step which the resource has to wait for, by itself or through a barrier.
    fn behind(&self, id: Id, step: Step) -> Option<Id> {
        let before = |node: usize| {
            let nodes = match step {
                Step::Starting => self.graph.needs(node),
                _ => self.graph.dependents(node),
            };
            nodes.iter().map(|node| *node as usize)
        };
        let at_step = |node: &usize| self.steps.get(*node) == Some(&step);
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

/// What a drain waits for, beside workers.
fn describe(left: &PendingWork) -> String {
    let mut says = Vec::new();
    if left.in_flight > 0 {
        let name = |(name, units): &(Arc<str>, u64)| format!("{} {units}", escape(name));
        let mut names: Vec<String> = left.by_scope.iter().take(NAMED).map(name).collect();
        if left.by_scope.len() > NAMED {
            names.push("..".to_owned());
        }
        says.push(format!(
            "{} in flight ({})",
            left.in_flight,
            names.join(", ")
        ));
    }
    match left.tasks {
        0 => {}
        1 => says.push("1 task".to_owned()),
        tasks => says.push(format!("{tasks} tasks")),
    }
    if left.main {
        says.push("main".to_owned());
    }
    if says.is_empty() {
        String::new()
    } else {
        format!(": {}", says.join(", "))
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
