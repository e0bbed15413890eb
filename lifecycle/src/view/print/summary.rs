//! The summary of a plan that all formats print: its components with their levels, needs and time limits, and the
//! longest chain of stops.

use std::cmp::Reverse;
use std::time::Duration;

use super::budget::Budget;
use crate::api::record::HookKind;
use crate::error::escape::escape;
use crate::plan::Plan;
use crate::plan::component::{Component, Id, Source};
use crate::plan::graph::Cost;

/// A plan as it is printed. The body of `main` is the last entry.
pub(super) struct PlanSummary<'a> {
    pub(super) plan: &'a Plan,
    pub(super) entries: Vec<Entry<'a>>,
    /// The chain of resources that takes longest to stop one after the other, the first to stop first.
    pub(super) longest: Vec<Id>,
    pub(super) budget: Budget,
}

/// One component.
pub(super) struct Entry<'a> {
    /// On one line.
    pub(super) name: String,
    /// `None` for the body of `main`.
    pub(super) component: Option<&'a Component>,
    /// From 1. Components of the same level can start at the same time.
    pub(super) level: usize,
    /// The components that it takes or starts after; order is not among them.
    pub(super) needs: Vec<Id>,
    pub(super) end: End,
    pub(super) emergency: bool,
}

/// The time that a component has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It has no stop hook.
    Nothing,
    /// Its `timeout`.
    Within(Duration),
    /// A share of the time that remains for the stops, at least this.
    Share(Duration),
    /// What remains of the drain.
    Drain,
}

impl Entry<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self.component {
            None => "main",
            Some(component) if component.is_worker() => "worker",
            Some(_) => "resource",
        }
    }

    pub(super) fn order(&self) -> Option<i32> {
        self.component.and_then(|component| component.order)
    }
}

impl<'a> PlanSummary<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        let chains = Chains::of(plan);
        let budget = Budget::of(plan, chains.longest_time());
        let shares = shares(plan, budget.window());
        let levels = levels(plan);
        let up = levels.iter().copied().max().unwrap_or(0);
        let mut entries: Vec<Entry<'a>> = plan.components[..plan.resources]
            .iter()
            .enumerate()
            .map(|(id, resource)| Entry {
                name: escape(&resource.name),
                component: Some(resource),
                level: levels[id],
                needs: resources(plan, plan.graph.needs(id)),
                end: match cost(plan, id) {
                    Cost::Nothing => End::Nothing,
                    Cost::Fixed(timeout) => End::Within(timeout),
                    Cost::Share => End::Share(shares[id]),
                },
                emergency: resource.has(HookKind::Emergency),
            })
            .collect();
        let mut workers: Vec<(usize, Id)> = plan
            .groups
            .iter()
            .enumerate()
            .flat_map(|(group, ids)| ids.iter().map(move |id| (up + 1 + group, *id)))
            .collect();
        workers.sort_unstable_by_key(|(_, id)| *id);
        entries.extend(workers.into_iter().map(|(level, id)| {
            let worker = &plan.components[id];
            Entry {
                name: escape(&worker.name),
                component: Some(worker),
                level,
                needs: taken(worker.takes.iter().map(|(_, source)| source)),
                end: worker.timeout.map_or(End::Drain, End::Within),
                emergency: false,
            }
        }));
        entries.push(Entry {
            name: "main".to_owned(),
            component: None,
            level: up + plan.groups.len() + 1,
            needs: taken(plan.fields.iter().map(|(_, source)| source)),
            end: End::Drain,
            emergency: false,
        });
        Self {
            plan,
            entries,
            longest: chains.longest(),
            budget,
        }
    }

    /// The components by level and name.
    pub(super) fn by_level(&self) -> Vec<&Entry<'a>> {
        let mut entries: Vec<&Entry<'a>> = self.entries.iter().collect();
        entries.sort_by(|a, b| (a.level, &a.name).cmp(&(b.level, &b.name)));
        entries
    }

    pub(super) fn names<'s>(&'s self, ids: &'s [Id]) -> impl Iterator<Item = &'s str> {
        ids.iter().map(|id| self.entries[*id].name.as_str())
    }
}

/// The cost of a stop in the budget. A resource without a stop hook and without a timeout only has its destructor,
/// which costs nothing.
fn cost(plan: &Plan, resource: Id) -> Cost {
    match plan.cost(resource) {
        Cost::Share if !plan.components[resource].has(HookKind::Stop) => Cost::Nothing,
        cost => cost,
    }
}

fn taken<'s>(sources: impl Iterator<Item = &'s Source>) -> Vec<Id> {
    let mut ids: Vec<Id> = sources
        .filter_map(|source| match source {
            Source::Component { id, .. } => Some(*id),
            Source::Provided(_) => None,
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The nodes that are resources and not barriers.
fn resources(plan: &Plan, nodes: &[u32]) -> Vec<Id> {
    let ids = nodes.iter().map(|node| *node as usize);
    ids.filter(|id| *id < plan.resources).collect()
}

/// Computes a value for each node from the values of its neighbours `next`. Resources are visited in the given order,
/// and a barrier when the first resource that has it as a neighbour is visited: all neighbours of the barrier have
/// their values by then.
fn along<'p, T: Copy>(
    plan: &'p Plan,
    order: impl Iterator<Item = Id>,
    next: impl Fn(usize) -> &'p [u32],
    value: impl Fn(usize, &[(usize, T)]) -> T,
) -> Vec<Option<T>> {
    let mut values: Vec<Option<T>> = vec![None; plan.graph.len()];
    let known = |values: &[Option<T>], node: usize| -> Vec<(usize, T)> {
        let nodes = next(node).iter().map(|node| *node as usize);
        nodes
            .filter_map(|node| Some((node, values[node]?)))
            .collect()
    };
    for id in order {
        for barrier in next(id).iter().map(|node| *node as usize) {
            if values[barrier].is_none() {
                values[barrier] = Some(value(barrier, &known(&values, barrier)));
            }
        }
        values[id] = Some(value(id, &known(&values, id)));
    }
    values
}

/// The level of each resource. A barrier adds no level.
fn levels(plan: &Plan) -> Vec<usize> {
    let order = plan.graph.start_order().iter().copied();
    let levels = along(
        plan,
        order,
        |node| plan.graph.needs(node),
        |node, needs| {
            let most = needs.iter().map(|(_, level)| *level).max().unwrap_or(0);
            most + usize::from(node < plan.resources)
        },
    );
    let levels = levels.into_iter().take(plan.resources);
    levels.map(Option::unwrap_or_default).collect()
}

/// The time that each resource has for its stop if all that stop before it use all of theirs.
fn shares(plan: &Plan, window: Duration) -> Vec<Duration> {
    let allowed = |id: Id, begin: Duration| match cost(plan, id) {
        Cost::Nothing => Duration::ZERO,
        cost => plan.graph.allowance(id, cost, window.saturating_sub(begin)),
    };
    let begin = |ends: &[(usize, Duration)]| {
        let ends = ends.iter().map(|(_, end)| *end);
        ends.max().unwrap_or_default()
    };
    let order = plan.graph.start_order().iter().rev().copied();
    let ends = along(
        plan,
        order,
        |node| plan.graph.dependents(node),
        |node, dependents| {
            let begin = begin(dependents);
            if node < plan.resources {
                begin + allowed(node, begin)
            } else {
                begin
            }
        },
    );
    let end = |node: usize| ends[node].unwrap_or_default();
    (0..plan.resources)
        .map(|id| {
            let dependents = plan.graph.dependents(id).iter();
            let begin = dependents.map(|node| end(*node as usize)).max();
            end(id) - begin.unwrap_or_default()
        })
        .collect()
}

/// For each node the longest chain of stops that begins with it, by fixed time, then by the number of shares.
struct Chains<'a> {
    plan: &'a Plan,
    from: Vec<Option<Chain>>,
}

#[derive(Clone, Copy, Default)]
struct Chain {
    time: Duration,
    shares: usize,
    next: Option<usize>,
}

impl Chain {
    fn weight(&self) -> (Duration, usize) {
        (self.time, self.shares)
    }
}

impl<'a> Chains<'a> {
    fn of(plan: &'a Plan) -> Self {
        let order = plan.graph.start_order().iter().copied();
        let from = along(
            plan,
            order,
            |node| plan.graph.needs(node),
            |node, needs: &[(usize, Chain)]| {
                // Among equal ones the first, so that the same plan always has the same chain.
                let worst = needs
                    .iter()
                    .max_by_key(|(next, chain)| (chain.weight(), Reverse(*next)));
                let mut chain = worst.map_or_else(Chain::default, |(next, chain)| Chain {
                    next: Some(*next),
                    ..*chain
                });
                if node < plan.resources {
                    match cost(plan, node) {
                        Cost::Nothing => {}
                        Cost::Fixed(timeout) => chain.time += timeout,
                        Cost::Share => chain.shares += 1,
                    }
                }
                chain
            },
        );
        Self { plan, from }
    }

    fn first(&self) -> Option<usize> {
        (0..self.plan.resources).max_by_key(|id| {
            let chain = self.from[*id].unwrap_or_default();
            (chain.weight(), Reverse(*id))
        })
    }

    /// The fixed time of the longest chain, and whether any resource has a share.
    fn longest_time(&self) -> (Duration, bool) {
        let first = self.first().and_then(|id| self.from[id]);
        let shares = (0..self.plan.resources).any(|id| cost(self.plan, id) == Cost::Share);
        (first.unwrap_or_default().time, shares)
    }

    fn longest(&self) -> Vec<Id> {
        let mut ids = Vec::new();
        let mut node = self.first();
        while let Some(id) = node {
            if id < self.plan.resources && cost(self.plan, id) != Cost::Nothing {
                ids.push(id);
            }
            node = self.from[id].and_then(|chain| chain.next);
        }
        ids
    }
}
