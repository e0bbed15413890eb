//! The plan: which components an app has, in what order they start, and with which limits. All mistakes are reported at
//! once, before anything starts.

pub(crate) mod component;
#[cfg(feature = "drill")]
pub mod drill;
#[cfg(not(feature = "drill"))]
#[path = "drill/disabled.rs"]
pub(crate) mod drill;
pub(crate) mod environment;
pub(crate) mod graph;
mod limits;
pub(crate) mod registry;
pub(crate) mod selection;
pub(crate) mod setup;

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::api::settings::Settings;
use crate::base::duration::show;
use crate::base::names::upper_snake;
use crate::error::escape::escape;
use crate::plan::component::{Component, Id, Source};
use crate::plan::drill::Drill;
use crate::plan::graph::{Cost, Graph, Node};
use crate::plan::limits::{Limits, budget};
use crate::plan::selection::{Parts, Selection, disabled, missing, take};
use crate::proof::budget::Budget;

/// What is going to start: resources first, in the order of the graph's nodes, then workers.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) components: Vec<Component>,
    pub(crate) resources: usize,
    pub(crate) graph: Arc<Graph>,
    /// The workers in start order: by `order`, those without one last.
    pub(crate) groups: Vec<Vec<Id>>,
    /// The fields of the app, which the body of `main` receives.
    pub(crate) fields: Vec<(TypeId, Source)>,
    pub(crate) sources: HashMap<TypeId, Source>,
    pub(crate) limits: Limits,
    /// How long the shutdown takes at worst, as far as timeouts are set.
    pub(crate) budget: Budget,
    pub(crate) warnings: Vec<String>,
    pub(crate) drill: Arc<Drill>,
}

impl Plan {
    /// Makes the plan, or returns all mistakes.
    pub(crate) fn new(parts: Parts) -> Result<Self, Vec<String>> {
        let escaped = |texts: Vec<String>| texts.iter().map(|text| escape(text)).collect();
        let mut plan = Self::made_of(parts).map_err(escaped)?;
        plan.warnings = escaped(plan.warnings);
        Ok(plan)
    }

    fn made_of(parts: Parts) -> Result<Self, Vec<String>> {
        let mut findings = parts.environment.errors.clone();
        let mut warnings = parts.environment.warnings.clone();

        let everything = Selection::of(&parts, &HashSet::new());
        let names = everything.names(&parts, &mut findings);
        let disabled = disabled(&parts, &names, &mut findings);
        let selection = if disabled.is_empty() {
            everything
        } else {
            Selection::of(&parts, &disabled)
        };
        for (record, need) in &selection.refused {
            let (from, to) = (&names[&(record.key)()], &names[need]);
            findings.push(format!(
                "`{from}` needs `{to}`, which is disabled: disable `{from}` too, or provide `{to}`"
            ));
        }
        missing(&parts, &selection, &names, &mut findings);

        let mut known: Vec<String> = names.values().map(|name| upper_snake(name)).collect();
        known.extend(parts.closures.iter().map(|(name, _)| upper_snake(name)));
        known.sort_unstable();
        warnings.extend(parts.environment.unknown_components(&known));
        if parts.environment.strict {
            findings.append(&mut warnings);
        }

        warnings.extend(selection.unused_provisions(&parts));
        let settings = parts
            .environment
            .settings
            .or(parts.settings)
            .or(parts.app.map_or(Settings::NONE, |app| app.settings));
        if settings
            .lame_duck_time()
            .saturating_add(settings.emergency_time())
            >= settings.total()
        {
            let given =
                parts
                    .environment
                    .given_of(&["SHUTDOWN_TIMEOUT", "LAME_DUCK", "EMERGENCY_TIMEOUT"]);
            findings.push(format!(
                "lame duck {} and emergency reserve {} leave nothing of `shutdown_timeout` {}{given}: together they must be shorter than it",
                show(settings.lame_duck_time()),
                show(settings.emergency_time()),
                show(settings.total()),
            ));
        }

        findings.extend(selection.bound_twice(&parts, &names));
        let (components, nodes) = selection.components(&parts, &names, settings);
        let drill = match Drill::new(parts.environment.drill.as_deref(), &components) {
            Ok(drill) => Arc::new(drill),
            Err(wrong) => {
                findings.extend(wrong);
                Arc::default()
            }
        };
        let graph = match Graph::new(&nodes) {
            Ok(graph) => graph,
            Err(wrong) => {
                findings.extend(wrong);
                Graph::default()
            }
        };
        if !findings.is_empty() {
            return Err(findings);
        }
        let sources = selection.sources(&parts);
        let fields = parts.app.map_or(&[][..], |app| app.fields);
        let fields = fields
            .iter()
            .filter_map(|need| take(&sources, need.key))
            .collect();
        let mut plan = Self {
            fields,
            sources,
            drill,
            ..Self::of(parts.name, components, &nodes, graph, settings)
        };
        plan.warnings.splice(0..0, warnings);
        if parts.environment.strict && !plan.warnings.is_empty() {
            return Err(plan.warnings);
        }
        Ok(plan)
    }

    /// Makes the plan of these components, the first of which are the graph's nodes.
    pub(crate) fn of(
        name: String,
        components: Vec<Component>,
        nodes: &[Node],
        graph: Graph,
        settings: Settings,
    ) -> Self {
        let groups = groups(&components);
        let (budget, warning) = budget(&name, settings, nodes, &components);
        let shares = graph.most_shares(nodes);
        let limits = Limits::new(settings, budget.stop, shares, &components);
        Self {
            name,
            resources: nodes.len(),
            components,
            graph: Arc::new(graph),
            groups,
            fields: Vec::new(),
            sources: HashMap::new(),
            limits,
            budget,
            warnings: warning.into_iter().collect(),
            drill: Arc::default(),
        }
    }

    /// The time that the stop of a resource is promised. A resource without the hook needs some, too: for its tasks and
    /// its destructor.
    pub(crate) fn cost(&self, id: Id) -> Cost {
        self.components[id].timeout.map_or(Cost::Share, Cost::Fixed)
    }
}

/// The workers, grouped by `order`, those without one last.
fn groups(components: &[Component]) -> Vec<Vec<Id>> {
    let mut workers: Vec<(bool, i32, Id)> = components
        .iter()
        .enumerate()
        .filter(|(_, component)| component.is_worker())
        .map(|(id, worker)| (worker.order.is_none(), worker.order.unwrap_or_default(), id))
        .collect();
    workers.sort_unstable();
    workers
        .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .map(|group| group.iter().map(|(_, _, id)| *id).collect())
        .collect()
}
