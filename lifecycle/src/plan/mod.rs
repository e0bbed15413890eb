//! The plan: which components there are, in what order, with which limits. Everything wrong is reported at once, before
//! anything starts.

pub(crate) mod component;
#[cfg(feature = "drill")]
pub mod drill;
#[cfg(not(feature = "drill"))]
#[path = "drill/disabled.rs"]
pub(crate) mod drill;
pub(crate) mod environment;
pub(crate) mod graph;
pub(crate) mod registry;
pub(crate) mod selection;
pub(crate) mod setup;

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::api::settings::Settings;
use crate::base::duration::{LONGEST, show};
use crate::base::names::upper_snake;
use crate::error::escape::escape;
use crate::plan::component::{Component, Id, Source};
use crate::plan::drill::Drill;
use crate::plan::graph::{Cost, Graph, Node};
use crate::plan::selection::{Parts, Selection, disabled, missing, take};
use crate::proof::budget::{self, Budget};

/// Resources first, in the order of the graph's nodes, then workers.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) components: Vec<Component>,
    pub(crate) resources: usize,
    pub(crate) graph: Arc<Graph>,
    /// The workers in start order: by order, those without one last.
    pub(crate) groups: Vec<Vec<Id>>,
    /// What is handed to main's body: the app's fields.
    pub(crate) fields: Vec<(TypeId, Source)>,
    pub(crate) sources: HashMap<TypeId, Source>,
    pub(crate) limits: Limits,
    /// What its shutdown takes at worst, as far as times were given.
    pub(crate) budget: Budget,
    pub(crate) warnings: Vec<String>,
    pub(crate) drill: Arc<Drill>,
}

/// The app's time limits, resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) shutdown: Duration,
    pub(crate) drain: Duration,
    pub(crate) lame_duck: Duration,
    pub(crate) emergency: Duration,
    pub(crate) startup: Duration,
}

impl Plan {
    /// The plan, or everything that is wrong.
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
            .get_lame_duck()
            .saturating_add(settings.get_emergency_timeout())
            >= settings.get_shutdown_timeout()
        {
            let given =
                parts
                    .environment
                    .given_of(&["SHUTDOWN_TIMEOUT", "LAME_DUCK", "EMERGENCY_TIMEOUT"]);
            findings.push(format!(
                "lame duck {} and emergency reserve {} leave nothing of `shutdown_timeout` {}{given}: together they must be shorter than it",
                show(settings.get_lame_duck()),
                show(settings.get_emergency_timeout()),
                show(settings.get_shutdown_timeout()),
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

    /// The plan of these components, of which the first ones are the graph's nodes.
    pub(crate) fn of(
        name: String,
        components: Vec<Component>,
        nodes: &[Node],
        graph: Graph,
        settings: Settings,
    ) -> Self {
        let groups = groups(&components);
        let limits = Limits::new(settings, &graph, nodes, &components);
        let (budget, warning) = budget(&name, settings, nodes, &components);
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

    /// What the resource itself may take of the time for its stop: also without a hook there are its tasks and its
    /// destructor.
    pub(crate) fn cost(&self, id: Id) -> Cost {
        self.components[id].timeout.map_or(Cost::Share, Cost::Fixed)
    }
}

/// The workers, as far as the budget looks at them.
fn worker_times(components: &[Component]) -> Vec<budget::Node> {
    components
        .iter()
        .filter(|component| component.is_worker())
        .map(|worker| budget::Node {
            order: worker.order,
            timeout: worker.timeout,
        })
        .collect()
}

/// What the explicit times add up to, and a warning where they do not fit: what compiled with the app was checked then,
/// but other crates and the environment have their say too. The shares adapt and the deadline cuts.
fn budget(
    name: &str,
    settings: Settings,
    nodes: &[Node],
    components: &[Component],
) -> (Budget, Option<String>) {
    let times: Vec<budget::Node> = nodes
        .iter()
        .map(|node| {
            let timeout = match node.cost {
                Cost::Fixed(timeout) => Some(timeout),
                Cost::Share | Cost::Nothing => None,
            };
            budget::Node {
                order: node.order,
                timeout,
            }
        })
        .collect();
    let index = |node: usize| u32::try_from(node).unwrap_or(u32::MAX);
    let edges: Vec<(u32, u32)> = nodes
        .iter()
        .enumerate()
        .flat_map(|(id, node)| node.needs.iter().map(move |need| (index(id), index(*need))))
        .collect();
    let (stop, chain) = budget::resources(&times, &edges);
    let budget = Budget {
        lame_duck: settings.get_lame_duck(),
        drain: budget::workers(settings.drain_timeout, &worker_times(components)),
        stop,
        emergency: settings.get_emergency_timeout(),
    };
    let chain: Vec<(&str, Duration)> = chain
        .iter()
        .map(|id| {
            (
                nodes[*id as usize].name.as_str(),
                times[*id as usize].timeout.unwrap_or_default(),
            )
        })
        .collect();
    let warning = (!budget.fits(settings.get_shutdown_timeout())).then(|| {
        format!(
            "{}; what does not fit will be cut",
            budget
                .message(name, &chain, settings.get_shutdown_timeout())
                .as_str()
        )
    });
    (budget, warning)
}

/// The workers by order, those without one last.
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

/// What is kept at the end for the report, whatever the emergency reserve is set to.
const LEAST_RESERVE: Duration = Duration::from_millis(50);
/// What the default drain leaves to each `stop` without a timeout on the longest chain, at most a quarter of the whole.
const SHARE_KEPT: Duration = Duration::from_secs(1);

impl Limits {
    fn new(settings: Settings, graph: &Graph, nodes: &[Node], components: &[Component]) -> Self {
        let longest = graph.longest(nodes);
        let window = settings
            .get_shutdown_timeout()
            .saturating_sub(settings.get_lame_duck())
            .saturating_sub(settings.get_emergency_timeout())
            .saturating_sub(longest.fixed);
        let kept = (SHARE_KEPT * longest.shares).min(window / 4);
        let drain = settings
            .drain_timeout
            .unwrap_or((window - kept).max(budget::LEAST_DRAIN));
        let limits = Self {
            shutdown: settings.get_shutdown_timeout(),
            drain: budget::workers(Some(drain), &worker_times(components)),
            lame_duck: settings.get_lame_duck(),
            // Without any reserve there would be no time to write the report.
            emergency: settings
                .get_emergency_timeout()
                .max(LEAST_RESERVE)
                .min(settings.get_shutdown_timeout() / 2),
            startup: settings.get_startup_timeout(),
        };
        limits.bounded()
    }

    /// "No limit" is a year: beyond that instants could overflow.
    fn bounded(self) -> Self {
        let bounded = |time: Duration| time.min(LONGEST);
        Self {
            shutdown: bounded(self.shutdown),
            drain: bounded(self.drain),
            lame_duck: bounded(self.lame_duck),
            emergency: bounded(self.emergency),
            startup: bounded(self.startup),
        }
    }
}
