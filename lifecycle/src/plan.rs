//! The plan: which components there are, in what order, with which limits. Everything wrong is reported at once, before
//! anything starts.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::app::AppRecord;
use crate::background::Policy;
use crate::budget::{self, Budget};
use crate::duration::show;
use crate::environment::Environment;
use crate::graph::{Cost, Graph, Node};
use crate::hook::{Hook, Instance, StartContext};
use crate::names::{nearest, upper_snake};
use crate::record::{Body, HookKind, NeedKind, Record, ResourceTable};
use crate::registry;
use crate::settings::Settings;
use crate::sys::RecordRef;

/// The function of a worker.
pub(crate) type Run = Arc<dyn Fn(&mut StartContext) -> Hook<()> + Send + Sync>;

/// What a plan is made of.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) app: Option<AppRecord>,
    /// Everything that is linked into the binary, too.
    pub(crate) registered: bool,
    pub(crate) resources: Vec<RecordRef>,
    pub(crate) workers: Vec<RecordRef>,
    pub(crate) closures: Vec<(String, Run)>,
    pub(crate) provided: Vec<Provision>,
    pub(crate) disabled: Vec<String>,
    pub(crate) settings: Settings,
    pub(crate) environment: Environment,
}

/// An instance that stands in place of starting its type.
pub(crate) struct Provision {
    /// Of `Arc<T>` for a `T`, and of the value itself, which may be an `Arc<dyn Trait>`.
    pub(crate) keys: [TypeId; 2],
    pub(crate) instance: Instance,
}

/// The index of a component in its plan.
pub(crate) type Id = usize;

/// Resources first, in the order of the graph's nodes, then workers.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) components: Vec<Component>,
    pub(crate) resources: usize,
    pub(crate) graph: Graph,
    /// The workers in start order: by order, those without one last.
    pub(crate) groups: Vec<Vec<Id>>,
    /// What is handed to main's body: the app's fields.
    pub(crate) fields: Vec<(TypeId, Source)>,
    pub(crate) sources: HashMap<TypeId, Source>,
    pub(crate) limits: Limits,
    pub(crate) warnings: Vec<String>,
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

pub(crate) struct Component {
    pub(crate) name: Arc<str>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) start_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) backoff: Duration,
    pub(crate) takes_shutdown: bool,
    pub(crate) takes_ready: bool,
    /// What is handed to it.
    pub(crate) takes: Vec<(TypeId, Source)>,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Resource {
        table: ResourceTable,
        cost: Cost,
        hooks: &'static [HookKind],
    },
    Worker {
        run: Run,
        policy: Policy,
        order: Option<i32>,
    },
}

/// Where an instance comes from.
#[derive(Clone)]
pub(crate) enum Source {
    Provided(Instance),
    Component {
        id: Id,
        bind: Option<fn(&Instance) -> Instance>,
    },
}

impl Component {
    pub(crate) fn has(&self, hook: HookKind) -> bool {
        matches!(&self.kind, Kind::Resource { hooks, .. } if hooks.contains(&hook))
    }

    /// The order of a worker; that of a resource is in the graph.
    pub(crate) fn order(&self) -> Option<i32> {
        match self.kind {
            Kind::Worker { order, .. } => order,
            Kind::Resource { .. } => None,
        }
    }

    pub(crate) fn is_worker(&self) -> bool {
        matches!(self.kind, Kind::Worker { .. })
    }
}

impl Plan {
    /// The plan, or everything that is wrong.
    pub(crate) fn new(parts: Parts) -> Result<Self, Vec<String>> {
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

        let settings = parts
            .environment
            .settings
            .or(parts.settings)
            .or(parts.app.map_or(Settings::NONE, |app| app.settings));
        if settings.lame_duck_time() + settings.emergency_time() >= settings.total() {
            findings.push(format!(
                "lame duck {} and emergency reserve {} leave nothing of `shutdown_timeout` {}: lower them or raise it",
                show(settings.lame_duck_time()),
                show(settings.emergency_time()),
                show(settings.total()),
            ));
        }

        findings.extend(selection.bound_twice(&parts, &names));
        let (components, nodes) = selection.components(&parts, &names, settings);
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
        let warnings = over_budget(&name, settings, nodes, &components)
            .into_iter()
            .collect();
        Self {
            name,
            resources: nodes.len(),
            components,
            graph,
            groups,
            fields: Vec::new(),
            sources: HashMap::new(),
            limits,
            warnings,
        }
    }

    pub(crate) fn cost(&self, id: Id) -> Cost {
        match self.components[id].kind {
            Kind::Resource { cost, .. } => cost,
            Kind::Worker { .. } => Cost::Nothing,
        }
    }
}

fn take(sources: &HashMap<TypeId, Source>, key: fn() -> TypeId) -> Option<(TypeId, Source)> {
    Some((key(), sources.get(&key())?.clone()))
}

/// The records that make up the app.
struct Selection {
    resources: Vec<&'static Record>,
    workers: Vec<&'static Record>,
    /// What the user disabled and something needs all the same.
    refused: Vec<(&'static Record, TypeId)>,
}

impl Selection {
    fn of(parts: &Parts, disabled: &HashSet<TypeId>) -> Self {
        let provided: HashSet<TypeId> = parts
            .provided
            .iter()
            .flat_map(|provision| provision.keys)
            .collect();
        let mut selection = Self {
            resources: Vec::new(),
            workers: Vec::new(),
            refused: Vec::new(),
        };
        let mut seen = HashSet::new();
        let mut waiting: Vec<&'static Record> = Vec::new();
        if let Some(app) = parts.app {
            waiting.extend(
                app.fields
                    .iter()
                    .filter(|need| !provided.contains(&(need.key)()))
                    .filter_map(|need| need.record)
                    .map(RecordRef::get),
            );
            waiting.extend(app.workers.iter().copied().map(RecordRef::get));
        }
        waiting.extend(
            parts
                .resources
                .iter()
                .chain(&parts.workers)
                .copied()
                .map(RecordRef::get),
        );
        if parts.registered {
            waiting.extend(registry::records().map(RecordRef::get));
        }
        waiting.reverse();
        while let Some(record) = waiting.pop() {
            let key = (record.key)();
            if provided.contains(&key) || disabled.contains(&key) || !seen.insert(key) {
                continue;
            }
            match record.body {
                Body::Resource(_) => selection.resources.push(record),
                Body::Worker { .. } => selection.workers.push(record),
            }
            for need in record
                .needs
                .iter()
                .filter(|need| !provided.contains(&(need.key)()))
            {
                if let Some(needed) = need.record.map(RecordRef::get) {
                    if disabled.contains(&(needed.key)()) {
                        selection.refused.push((record, (needed.key)()));
                    }
                    waiting.push(needed);
                }
            }
        }
        selection
    }

    /// What each component is called: its own name where the user gave one, else the default one, qualified as far as it
    /// takes to tell it from others.
    fn names(&self, parts: &Parts, findings: &mut Vec<String>) -> HashMap<TypeId, String> {
        let records: Vec<&Record> = self
            .resources
            .iter()
            .chain(&self.workers)
            .copied()
            .collect();
        let mut chosen: HashMap<&str, u32> = HashMap::new();
        for name in records
            .iter()
            .filter(|record| record.named)
            .map(|record| record.name)
        {
            *chosen.entry(name).or_default() += 1;
        }
        for (name, _) in &parts.closures {
            *chosen.entry(name).or_default() += 1;
        }
        let mut equal: Vec<_> = chosen.iter().filter(|(_, count)| **count > 1).collect();
        equal.sort_unstable();
        for (name, count) in equal {
            findings.push(format!(
                "{count} components are named `{name}`: give each a name of its own"
            ));
        }
        let mut names: Vec<String> = records
            .iter()
            .map(|record| record.name.to_owned())
            .collect();
        // One more segment of the module's path each time, until no default name collides.
        for segments in 1.. {
            let mut count: HashMap<&str, u32> =
                chosen.iter().map(|(name, count)| (*name, *count)).collect();
            for (name, _) in names
                .iter()
                .zip(&records)
                .filter(|(_, record)| !record.named)
            {
                *count.entry(name).or_default() += 1;
            }
            let collides: Vec<bool> = names
                .iter()
                .zip(&records)
                .map(|(name, record)| {
                    !record.named && count.get(name.as_str()).is_some_and(|count| *count > 1)
                })
                .collect();
            let mut longer = false;
            for ((name, record), _) in names
                .iter_mut()
                .zip(&records)
                .zip(&collides)
                .filter(|(_, collides)| **collides)
            {
                let qualified = qualified(record, segments);
                longer |= *name != qualified;
                *name = qualified;
            }
            if !longer {
                break;
            }
        }
        records
            .iter()
            .map(|record| (record.key)())
            .zip(names)
            .collect()
    }

    /// Traits that more than one resource is bound as: who asks for one could get either.
    fn bound_twice(&self, parts: &Parts, names: &HashMap<TypeId, String>) -> Vec<String> {
        let mut bound: HashMap<TypeId, (&str, Vec<&str>)> = HashMap::new();
        for record in &self.resources {
            for binding in record.binds {
                let entry = bound
                    .entry((binding.key)())
                    .or_insert_with(|| ((binding.type_name)(), Vec::new()));
                entry.1.push(&names[&(record.key)()]);
            }
        }
        for provision in &parts.provided {
            for key in provision.keys {
                bound.remove(&key);
            }
        }
        let mut findings: Vec<String> = bound
            .into_values()
            .filter(|(_, names)| names.len() > 1)
            .map(|(bound, names)| {
                format!(
                    "`{bound}` is bound by `{}`: disable all but one",
                    names.join("` and `")
                )
            })
            .collect();
        findings.sort_unstable();
        findings
    }

    fn sources(&self, parts: &Parts) -> HashMap<TypeId, Source> {
        let mut sources = HashMap::new();
        for (id, record) in self.resources.iter().enumerate() {
            sources.insert((record.key)(), Source::Component { id, bind: None });
            for binding in record.binds {
                sources.entry((binding.key)()).or_insert(Source::Component {
                    id,
                    bind: Some(binding.bind),
                });
            }
        }
        for provision in &parts.provided {
            for key in provision.keys {
                sources.insert(key, Source::Provided(provision.instance.clone()));
            }
        }
        sources
    }

    fn components(
        &self,
        parts: &Parts,
        names: &HashMap<TypeId, String>,
        settings: Settings,
    ) -> (Vec<Component>, Vec<Node>) {
        let sources = self.sources(parts);
        let mut components = Vec::new();
        let mut nodes = Vec::new();
        for record in self.resources.iter().chain(&self.workers) {
            let name = &names[&(record.key)()];
            let (timeout, start_timeout) = parts.environment.times_of(&upper_snake(name));
            let timeout = timeout.or(record.timeout);
            let kind = match record.body {
                Body::Resource(table) => {
                    let cost = match timeout {
                        _ if !record.hooks.contains(&HookKind::Stop) => Cost::Nothing,
                        Some(timeout) => Cost::Fixed(timeout),
                        None => Cost::Share,
                    };
                    let needs = record.needs.iter().filter(|need| need.is_component());
                    let mut needs: Vec<usize> = needs
                        .filter_map(|need| match sources.get(&(need.key)()) {
                            Some(Source::Component { id, .. }) => Some(*id),
                            _ => None,
                        })
                        .collect();
                    needs.sort_unstable();
                    needs.dedup();
                    nodes.push(Node {
                        name: name.clone(),
                        order: record.order,
                        needs,
                        cost,
                    });
                    Kind::Resource {
                        table,
                        cost,
                        hooks: record.hooks,
                    }
                }
                Body::Worker { run, policy } => Kind::Worker {
                    run: Arc::new(run),
                    policy,
                    order: record.order,
                },
            };
            let takes = |kind| record.needs.iter().any(|need| need.kind == kind);
            components.push(Component {
                name: name.as_str().into(),
                timeout,
                start_timeout: start_timeout
                    .or(record.start_timeout)
                    .unwrap_or(settings.start_time()),
                retries: record.retries,
                backoff: record.backoff,
                takes_shutdown: takes(NeedKind::Shutdown),
                takes_ready: takes(NeedKind::Ready),
                takes: record
                    .needs
                    .iter()
                    .filter(|need| need.kind == NeedKind::Component)
                    .filter_map(|need| take(&sources, need.key))
                    .collect(),
                kind,
            });
        }
        for (name, run) in &parts.closures {
            if parts.disabled.contains(name) {
                continue;
            }
            let (timeout, start_timeout) = parts.environment.times_of(&upper_snake(name));
            components.push(Component {
                name: name.as_str().into(),
                timeout,
                start_timeout: start_timeout.unwrap_or(settings.start_time()),
                retries: 0,
                backoff: Duration::ZERO,
                takes_shutdown: true,
                takes_ready: false,
                takes: Vec::new(),
                kind: Kind::Worker {
                    run: Arc::clone(run),
                    policy: Policy::DEFAULT,
                    order: None,
                },
            });
        }
        (components, nodes)
    }
}

/// The default name with so many segments of its module's path before it.
fn qualified(record: &Record, segments: usize) -> String {
    let path: Vec<&str> = record
        .module
        .split("::")
        .filter(|segment| !segment.is_empty())
        .collect();
    let from = path.len().saturating_sub(segments);
    path[from..]
        .iter()
        .copied()
        .chain([record.name])
        .collect::<Vec<_>>()
        .join("::")
}

/// The components that `disable` names.
fn disabled(
    parts: &Parts,
    names: &HashMap<TypeId, String>,
    findings: &mut Vec<String>,
) -> HashSet<TypeId> {
    let mut keys = HashSet::new();
    for wanted in &parts.disabled {
        if let Some((key, _)) = names.iter().find(|(_, name)| *name == wanted) {
            keys.insert(*key);
        } else if !parts.closures.iter().any(|(name, _)| name == wanted) {
            let hint = nearest(wanted, names.values().map(String::as_str))
                .map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            findings.push(format!(
                "`{wanted}` cannot be disabled, since no component has that name{hint}"
            ));
        }
    }
    keys
}

/// What `expect` names and the binary does not contain.
fn missing(
    parts: &Parts,
    selection: &Selection,
    names: &HashMap<TypeId, String>,
    findings: &mut Vec<String>,
) {
    for expected in parts.app.map_or(&[][..], |app| app.expect) {
        let path: String = expected.split_whitespace().collect();
        let found = selection
            .resources
            .iter()
            .chain(&selection.workers)
            .any(|record| {
                let full = format!("{}::{}", record.module, record.name);
                names[&(record.key)()] == path
                || record.name == path
                || full == path
                || full.ends_with(&format!("::{path}"))
                // A re-export: the crate and the last segment agree.
                || (path.contains("::")
                    && full.split("::").next() == path.split("::").next()
                    && path.rsplit("::").next() == Some(record.name))
            });
        if !found {
            let advice = match path.split_once("::") {
                Some((krate, _)) => format!("if `{krate}` is a dependency that the code never names, it is not linked: add `use {krate} as _;`"),
                None => "if it comes from a crate that the code never names, that crate is not linked: add `use the_crate as _;`".to_owned(),
            };
            findings.push(format!(
                "`{path}` is expected, but not registered; {advice}"
            ));
        }
    }
}

/// The workers, as far as the budget looks at them.
fn worker_times(components: &[Component]) -> Vec<budget::Node> {
    components
        .iter()
        .filter(|component| component.is_worker())
        .map(|worker| budget::Node {
            order: worker.order(),
            timeout: worker.timeout,
        })
        .collect()
}

/// A warning where the explicit times do not fit: what compiled with the app was checked then, but other crates and the
/// environment have their say too. The shares adapt and the deadline cuts.
fn over_budget(
    name: &str,
    settings: Settings,
    nodes: &[Node],
    components: &[Component],
) -> Option<String> {
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
        lame_duck: settings.lame_duck_time(),
        drain: budget::workers(settings.drain_timeout, &worker_times(components)),
        stop,
        emergency: settings.emergency_time(),
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
    (budget.total() > settings.total()).then(|| {
        format!(
            "{}; what does not fit will be cut",
            budget.message(name, &chain, settings.total()).as_str()
        )
    })
}

/// The workers by order, those without one last.
fn groups(components: &[Component]) -> Vec<Vec<Id>> {
    let mut workers: Vec<(bool, i32, Id)> = components
        .iter()
        .enumerate()
        .filter_map(|(id, component)| match component.kind {
            Kind::Worker { order, .. } => Some((order.is_none(), order.unwrap_or_default(), id)),
            Kind::Resource { .. } => None,
        })
        .collect();
    workers.sort_unstable();
    workers
        .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .map(|group| group.iter().map(|(_, _, id)| *id).collect())
        .collect()
}

/// What the default drain leaves to each `stop` without a timeout on the longest chain, at most a quarter of the whole.
const SHARE_KEPT: Duration = Duration::from_secs(1);

impl Limits {
    fn new(settings: Settings, graph: &Graph, nodes: &[Node], components: &[Component]) -> Self {
        let longest = graph.longest(nodes);
        let window = settings
            .total()
            .saturating_sub(settings.lame_duck_time())
            .saturating_sub(settings.emergency_time())
            .saturating_sub(longest.fixed);
        let kept = (SHARE_KEPT * longest.shares).min(window / 4);
        let drain = settings
            .drain_timeout
            .unwrap_or((window - kept).max(budget::LEAST_DRAIN));
        Self {
            shutdown: settings.total(),
            drain: budget::workers(Some(drain), &worker_times(components)),
            lame_duck: settings.lame_duck_time(),
            emergency: settings.emergency_time(),
            startup: settings.startup_time(),
        }
    }
}
