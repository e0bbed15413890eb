//! Selects the components of an app and names them: those that its fields and workers need, and those that are
//! registered at link time, except for disabled and provided ones.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::api::app::AppRecord;
use crate::api::background_policy::BackgroundPolicy;
use crate::api::hook::Instance;
use crate::api::record::RecordRef;
use crate::api::record::{Body, HookKind, NeedKind, Record};
use crate::api::settings::Settings;
use crate::base::duration::LONGEST;
use crate::base::names::{nearest, upper_snake};
use crate::plan::component::{Component, Kind, Run, Source};
use crate::plan::environment::Environment;
use crate::plan::graph::{Cost, Node};
use crate::plan::registry;

/// The input of a plan.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) app: Option<AppRecord>,
    /// Whether all components that are linked into the binary belong to the app.
    pub(crate) registered: bool,
    pub(crate) resources: Vec<RecordRef>,
    pub(crate) workers: Vec<RecordRef>,
    pub(crate) closures: Vec<(String, Run)>,
    pub(crate) provided: Vec<Provision>,
    pub(crate) disabled: Vec<String>,
    pub(crate) settings: Settings,
    pub(crate) environment: Environment,
}

/// An instance that the user provides instead of starting its type.
pub(crate) struct Provision {
    pub(crate) type_name: &'static str,
    /// The instance twice: as `Arc<T>`, and as the value itself, which may be an `Arc<dyn Trait>`.
    pub(crate) instances: [(TypeId, Instance); 2],
}

impl Provision {
    fn keys(&self) -> impl Iterator<Item = TypeId> {
        self.instances.iter().map(|(key, _)| *key)
    }
}

pub(crate) fn take(
    sources: &HashMap<TypeId, Source>,
    key: fn() -> TypeId,
) -> Option<(TypeId, Source)> {
    Some((key(), sources.get(&key())?.clone()))
}

/// The records of the app's components.
pub(crate) struct Selection {
    resources: Vec<&'static Record>,
    workers: Vec<&'static Record>,
    /// Disabled components that others need: the record that needs one, and the key of the disabled one.
    pub(crate) refused: Vec<(&'static Record, TypeId)>,
}

impl Selection {
    pub(crate) fn of(parts: &Parts, disabled: &HashSet<TypeId>) -> Self {
        let provided: HashSet<TypeId> = parts.provided.iter().flat_map(Provision::keys).collect();
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

    /// Names each component: by its explicit name, or by its default name, with as many segments of its module path
    /// before it as make it unique.
    pub(crate) fn names(
        &self,
        parts: &Parts,
        findings: &mut Vec<String>,
    ) -> HashMap<TypeId, String> {
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
        // Adds one more segment of the module path each time, until no default name collides.
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

    /// Warns of provided values that no component takes: in a test, the real component would run beside its fake.
    pub(crate) fn unused_provisions(&self, parts: &Parts) -> Vec<String> {
        let records = self.resources.iter().chain(&self.workers);
        let taken: HashSet<TypeId> = records
            .flat_map(|record| record.needs)
            .chain(parts.app.map_or(&[][..], |app| app.fields))
            .map(|need| (need.key)())
            .collect();
        let unused = parts
            .provided
            .iter()
            .filter(|provision| provision.keys().all(|key| !taken.contains(&key)));
        unused
            .map(|provision| {
                let name = provision.type_name;
                format!("a `{name}` is provided, but no component takes it; for a `dyn Trait`, provide an `Arc<dyn Trait>`")
            })
            .collect()
    }

    /// Finds traits to which more than one resource is bound: a component that needs the trait could get either.
    pub(crate) fn bound_twice(
        &self,
        parts: &Parts,
        names: &HashMap<TypeId, String>,
    ) -> Vec<String> {
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
            for key in provision.keys() {
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

    pub(crate) fn sources(&self, parts: &Parts) -> HashMap<TypeId, Source> {
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
            for (key, instance) in &provision.instances {
                sources.insert(*key, Source::Provided(instance.clone()));
            }
        }
        sources
    }

    pub(crate) fn components(
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
            let timeout = timeout.or(record.timeout).map(|time| time.min(LONGEST));
            let kind = match record.body {
                Body::Resource(table) => {
                    let cost = match timeout {
                        Some(timeout) => Cost::Fixed(timeout),
                        None if !record.hooks.contains(&HookKind::Stop) => Cost::Nothing,
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
                        hooks: record.hooks,
                        readiness: record.readiness,
                    }
                }
                Body::Worker { run, policy } => Kind::Worker {
                    run: Arc::new(run),
                    policy,
                },
            };
            let takes = |kind| record.needs.iter().any(|need| need.kind == kind);
            components.push(Component {
                name: name.as_str().into(),
                order: record.order,
                timeout,
                start_timeout: start_timeout
                    .or(record.start_timeout)
                    .unwrap_or(settings.get_start_timeout())
                    .min(LONGEST),
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
                is_expanded: record.is_expanded,
            });
        }
        for (name, run) in &parts.closures {
            if parts.disabled.contains(name) {
                continue;
            }
            let (timeout, start_timeout) = parts.environment.times_of(&upper_snake(name));
            components.push(Component {
                name: name.as_str().into(),
                order: None,
                timeout,
                start_timeout: start_timeout
                    .unwrap_or(settings.get_start_timeout())
                    .min(LONGEST),
                retries: 0,
                backoff: Duration::ZERO,
                takes_shutdown: true,
                takes_ready: false,
                takes: Vec::new(),
                kind: Kind::Worker {
                    run: Arc::clone(run),
                    policy: BackgroundPolicy::DEFAULT,
                },
                // The closure is called in the future that is made.
                is_expanded: true,
            });
        }
        (components, nodes)
    }
}

/// The default name, with that many segments of the module path before it.
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

/// Finds the components that are disabled by name.
pub(crate) fn disabled(
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
                "`{wanted}` cannot be disabled, because no component has that name{hint}"
            ));
        }
    }
    keys
}

/// Finds the components that `expect` names and that the binary does not contain.
pub(crate) fn missing(
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
                // A path through a re-export: only the crate and the last segment agree.
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
