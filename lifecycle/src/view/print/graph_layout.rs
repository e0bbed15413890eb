//! The layout of a plan as a graph: nodes, points between them, and edges from a component to what it needs.
//!
//! Orders and groups are points, so that N components that start after M others take N + M edges and not N × M.

use std::fmt;

use crate::base::duration::show;
use crate::view::print::summary::{End, PlanSummary};

pub(super) struct GraphLayout {
    /// The lines of the label of each component, and its kind.
    pub(super) nodes: Vec<(Vec<String>, &'static str)>,
    pub(super) points: usize,
    pub(super) edges: Vec<Edge>,
}

/// `from` starts after `to`.
pub(super) struct Edge {
    pub(super) from: Vertex,
    pub(super) to: Vertex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vertex {
    Node(usize),
    Point(usize),
}

/// The identifier in a graph.
impl fmt::Display for Vertex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(id) => write!(f, "n{id}"),
            Self::Point(id) => write!(f, "p{id}"),
        }
    }
}

impl Edge {
    /// Whether it stands for an order and not for a need.
    pub(super) fn is_order(&self) -> bool {
        [self.from, self.to]
            .iter()
            .any(|vertex| matches!(vertex, Vertex::Point(_)))
    }
}

impl GraphLayout {
    pub(super) fn of(summary: &PlanSummary<'_>) -> Self {
        let plan = summary.plan;
        let entries = &summary.entries;
        let mut edges: Vec<Edge> = Vec::new();
        let mut order = |from, to| edges.push(Edge { from, to });
        for (id, entry) in entries.iter().enumerate() {
            for need in &entry.needs {
                order(Vertex::Node(id), Vertex::Node(*need));
            }
        }
        let barriers = plan.graph.len() - plan.resources;
        for barrier in 0..barriers {
            let node = plan.resources + barrier;
            for later in plan.graph.dependents(node) {
                order(Vertex::Node(*later as usize), Vertex::Point(barrier));
            }
            for earlier in plan.graph.needs(node) {
                order(Vertex::Point(barrier), Vertex::Node(*earlier as usize));
            }
        }
        // Workers start, group by group, after the resources that no other resource starts after, and `main` starts
        // last.
        let mut points = barriers;
        let mut before: Vec<usize> = (0..plan.resources)
            .filter(|id| plan.graph.dependents(*id).is_empty())
            .collect();
        let main = entries.len() - 1;
        for group in plan.groups.iter().cloned().chain([vec![main]]) {
            if !before.is_empty() {
                for id in &group {
                    order(Vertex::Node(*id), Vertex::Point(points));
                }
                for id in before {
                    order(Vertex::Point(points), Vertex::Node(id));
                }
                points += 1;
            }
            before = group;
        }
        let nodes = entries
            .iter()
            .map(|entry| {
                let mut lines = vec![entry.name.clone()];
                if let Some(order) = entry.order() {
                    lines.push(format!("order {order}"));
                }
                let end = match entry.end {
                    End::Within(timeout) => Some(format!("stop {}", show(timeout))),
                    End::Share(least) => Some(format!("stop {} or more", show(least))),
                    End::Nothing | End::Drain => None,
                };
                let emergency = entry.emergency.then(|| "emergency".to_owned());
                let cleanup: Vec<String> = end.into_iter().chain(emergency).collect();
                lines.extend((!cleanup.is_empty()).then(|| cleanup.join(", ")));
                (lines, entry.kind())
            })
            .collect();
        Self {
            nodes,
            points,
            edges,
        }
    }
}
