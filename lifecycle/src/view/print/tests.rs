use std::any::TypeId;
use std::env::temp_dir;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{ExpectFile, expect_file};
use proptest::prelude::*;

use super::{compose, dot, kubernetes, mermaid, systemd, table};
use crate::api::background_policy::BackgroundPolicy;
use crate::api::hook::{Hook, StartContext};
use crate::api::record::RecordRef;
use crate::api::record::{Body, HookKind, Record, ResourceTable};
use crate::api::resource::Resource;
use crate::api::settings::Settings;
use crate::plan::Plan;
use crate::plan::component::{Component, Kind, Source};
use crate::plan::graph::{Cost, Graph, Node};
use crate::view::print::deployment::{Built, Service};
use crate::view::print::summary::{End, PlanSummary};

/// A component of a plan that is never run.
#[derive(Debug, Clone)]
struct Sketch {
    name: String,
    order: Option<i32>,
    timeout: Option<Duration>,
    hooks: &'static [HookKind],
    needs: Vec<usize>,
    worker: bool,
}

struct Sketched;

impl Resource for Sketched {
    const RECORD: RecordRef = RecordRef::to(&RECORD);

    fn start(_: &mut StartContext) -> Hook<Self> {
        unreachable!("it is never started")
    }
}

static RECORD: Record = Record::resource::<Sketched>("sketched");

fn hooks_of_none() -> ResourceTable {
    match RECORD.body {
        Body::Resource(table) => table,
        Body::Worker { .. } => unreachable!("it is a resource"),
    }
}

impl Sketch {
    fn resource(name: impl Into<String>, needs: &[usize]) -> Self {
        Self {
            name: name.into(),
            order: None,
            timeout: None,
            hooks: &[HookKind::Stop],
            needs: needs.to_vec(),
            worker: false,
        }
    }

    fn worker(name: impl Into<String>, needs: &[usize]) -> Self {
        Self {
            worker: true,
            hooks: &[],
            ..Self::resource(name, needs)
        }
    }

    fn within(self, seconds: u64) -> Self {
        Self {
            timeout: Some(Duration::from_secs(seconds)),
            ..self
        }
    }

    fn node(&self) -> Node {
        Node {
            name: self.name.clone(),
            order: self.order,
            needs: self.needs.clone(),
            cost: match self.timeout {
                Some(timeout) => Cost::Fixed(timeout),
                None if self.hooks.contains(&HookKind::Stop) => Cost::Share,
                None => Cost::Nothing,
            },
        }
    }

    fn component(&self) -> Component {
        let source = |id: &usize| {
            (
                TypeId::of::<()>(),
                Source::Component {
                    id: *id,
                    bind: None,
                },
            )
        };
        Component {
            name: self.name.as_str().into(),
            order: self.order,
            timeout: self.timeout,
            start_timeout: Duration::from_secs(60),
            retries: 0,
            backoff: Duration::ZERO,
            takes_shutdown: false,
            takes_ready: false,
            takes: self.needs.iter().map(source).collect(),
            kind: if self.worker {
                Kind::Worker {
                    run: Arc::new(|_| unreachable!("it is never run")),
                    policy: BackgroundPolicy::DEFAULT,
                }
            } else {
                Kind::Resource {
                    table: hooks_of_none(),
                    hooks: self.hooks,
                    readiness: false,
                }
            },
            is_expanded: true,
        }
    }
}

/// Resources first.
fn plan(sketches: &[Sketch], settings: Settings) -> Plan {
    let resources = sketches.iter().filter(|sketch| !sketch.worker);
    let nodes: Vec<Node> = resources.map(Sketch::node).collect();
    let components = sketches.iter().map(Sketch::component).collect();
    let graph = Graph::new(&nodes).expect("it has an order");
    Plan::of("Sketched".to_owned(), components, &nodes, graph, settings)
}

fn small() -> Plan {
    let sketches = [
        Sketch {
            hooks: &[],
            ..Sketch::resource("Config", &[])
        },
        Sketch {
            hooks: &[HookKind::Stop, HookKind::Emergency],
            ..Sketch::resource("Database", &[0]).within(5)
        },
        Sketch::resource("Cache", &[0, 1]),
        Sketch::worker("serve", &[1, 2]).within(8),
    ];
    plan(&sketches, Settings::NONE)
}

/// Twenty levels of twenty-five components, each of which needs some of the level before.
fn large() -> Plan {
    let resource = |id: usize| {
        let (level, place) = (id / 25, id % 25);
        let below: Vec<usize> = match level {
            0 => Vec::new(),
            _ => (0..=place).map(|other| (level - 1) * 25 + other).collect(),
        };
        let sketch = Sketch::resource(format!("component_{level}_{place}"), &below);
        if place == 24 {
            sketch.within(1)
        } else {
            sketch
        }
    };
    let sketches: Vec<Sketch> = (0..500).map(resource).collect();
    let settings = Settings::NONE.shutdown_timeout(Duration::from_secs(60));
    plan(&sketches, settings)
}

fn resources() -> impl Strategy<Value = Vec<Sketch>> {
    let one = (
        any::<bool>(),
        prop::option::of(1..5_u64),
        any::<bool>(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    );
    prop::collection::vec(one, 1..12).prop_map(|all| {
        let sketch = |(id, (ordered, timeout, stops, needs)): (
            usize,
            (bool, Option<u64>, bool, Vec<prop::sample::Index>),
        )| {
            // Nothing needs what comes later, and no order is below an earlier one.
            let needs: Vec<usize> = match id {
                0 => Vec::new(),
                _ => needs.iter().map(|need| need.index(id)).collect(),
            };
            Sketch {
                order: ordered.then_some(i32::try_from(id / 3).unwrap_or(0)),
                timeout: timeout.map(Duration::from_secs),
                hooks: if stops { &[HookKind::Stop] } else { &[] },
                ..Sketch::resource(format!("R{id}"), &needs)
            }
        };
        all.into_iter().enumerate().map(sketch).collect()
    })
}

proptest! {
    #[test]
    fn the_longest_chain_is_the_one_that_the_budget_counts(sketches in resources()) {
        let plan = plan(&sketches, Settings::NONE);
        let summary = PlanSummary::of(&plan);
        let times = summary.longest.iter().map(|id| sketches[*id].timeout.unwrap_or_default());
        prop_assert_eq!(times.sum::<Duration>(), plan.budget.stop);
        for pair in summary.longest.windows(2) {
            prop_assert!(summary.entries[pair[0]].level > summary.entries[pair[1]].level);
        }
    }

    #[test]
    fn a_level_is_above_the_levels_of_what_it_waits_for(sketches in resources()) {
        let plan = plan(&sketches, Settings::NONE);
        let summary = PlanSummary::of(&plan);
        let level = |id: usize| summary.entries[id].level;
        for (id, sketch) in sketches.iter().enumerate() {
            for need in &sketch.needs {
                prop_assert!(level(id) > level(*need));
            }
            for (other, earlier) in sketches.iter().enumerate() {
                if sketch.order > earlier.order && earlier.order.is_some() {
                    prop_assert!(level(id) > level(other), "{} {}", id, other);
                }
            }
        }
    }

    #[test]
    fn the_parts_of_the_budget_add_up(sketches in resources(), limit in 8..60_u64, drain in prop::option::of(1..20_u64)) {
        let mut settings = Settings::NONE.shutdown_timeout(Duration::from_secs(limit));
        settings.drain_timeout = drain.map(Duration::from_secs);
        let plan = plan(&sketches, settings);
        let summary = PlanSummary::of(&plan);
        let budget = summary.budget;
        let parts = budget.lame_duck + budget.drain + budget.stop + budget.emergency + budget.margin;
        prop_assert_eq!(parts, budget.limit + budget.over);
        // The shares along the longest chain are within the time for the stops, if the timeouts leave any.
        let promised = summary.longest.iter().map(|id| match summary.entries[*id].end {
            End::Share(least) => least,
            End::Within(timeout) => timeout,
            End::Nothing | End::Drain => Duration::ZERO,
        });
        if plan.budget.stop < budget.window() {
            prop_assert!(promised.sum::<Duration>() <= budget.stop);
        }
    }

    #[test]
    fn no_line_is_wider_than_asked_for(sketches in resources(), width in 30..160_usize) {
        let plan = plan(&sketches, Settings::NONE);
        for line in table::render(&PlanSummary::of(&plan), width).lines() {
            prop_assert!(line.chars().count() <= width, "{}", line);
        }
    }
}

#[test]
fn tables_are_legible_at_any_size() {
    for (plan, width, expected) in [
        (small(), 100, expect_file!["snapshots/small-100.txt"]),
        (small(), 40, expect_file!["snapshots/small-40.txt"]),
        (large(), 100, expect_file!["snapshots/large-100.txt"]),
    ] {
        expected.assert_eq(&table::render(&PlanSummary::of(&plan), width));
    }
}

#[test]
fn a_plan_that_does_not_fit_shows_by_how_much() {
    let sketches = [Sketch::resource("Slow", &[]).within(20)];
    let settings = Settings::NONE.shutdown_timeout(Duration::from_secs(10));
    let text = table::render(&PlanSummary::of(&plan(&sketches, settings)), 100);
    assert!(text.contains("! 17s more than there is"), "{text}");
}

#[test]
fn names_cannot_break_out_of_their_labels() {
    let name = "a\"];\n`b` <c> \\n#quot;";
    let plan = plan(&[Sketch::resource(name, &[])], Settings::NONE);
    let summary = PlanSummary::of(&plan);
    let line = |text: String| {
        let line = text
            .lines()
            .find(|line| line.contains("  n0[") || line.contains("  n0 ["));
        line.expect("it is there").to_owned()
    };
    assert_eq!(
        line(dot::render(&summary)),
        r#"  n0 [label="a\"];\\n`b` <c> \\n#quot;\nstop 1s or more"];"#
    );
    assert_eq!(
        line(mermaid::render(&summary)),
        r#"  n0["a#34;#93;#59;#92;n#96;b#96; #60;c#62; #92;n#35;quot#59;<br/>stop 1s or more"]"#
    );
}

/// A service without features for supervision, and one with all of them.
fn services() -> [(&'static str, Service); 2] {
    let service = |admin, systemd| Service {
        built: Built { admin, systemd },
        reloads: admin,
        ..Service::called("small".to_owned(), &small(), Vec::new())
    };
    [
        ("", service(false, false)),
        ("-watched", service(true, true)),
    ]
}

#[test]
fn probes_are_printed_only_for_an_app_that_serves_them() {
    for ((_, service), expected) in services().into_iter().zip([
        [
            expect_file!["snapshots/deployment.yaml"],
            expect_file!["snapshots/compose.yaml"],
            expect_file!["snapshots/small.service"],
        ],
        [
            expect_file!["snapshots/deployment-watched.yaml"],
            expect_file!["snapshots/compose-watched.yaml"],
            expect_file!["snapshots/small-watched.service"],
        ],
    ]) {
        let printed = [
            kubernetes::render(&service),
            compose::render(&service),
            systemd::render(&service),
        ];
        let assert = |(expected, printed): (ExpectFile, String)| expected.assert_eq(&printed);
        expected.into_iter().zip(printed).for_each(assert);
    }
}

#[test]
fn a_lame_duck_is_added_unless_set_and_the_timeout_extended_if_it_does_not_fit() {
    let secs = Duration::from_secs;
    let behind = |settings: Settings, given: &[(&str, u64)]| {
        let sketches = [Sketch::resource("Slow", &[]).within(13)];
        let given = given
            .iter()
            .map(|(name, time)| ((*name).to_owned(), secs(*time)));
        let service = Service::called(
            "slow".to_owned(),
            &plan(&sketches, settings),
            given.collect(),
        );
        let service = service.behind_load_balancers();
        (service.environment.clone(), service.grace())
    };
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let lame_duck = variable("LIFECYCLE_LAME_DUCK", "5s");
    // 5s drain, 13s stop and 2s emergency leave 5s of 25s.
    assert_eq!(behind(Settings::NONE, &[]), (vec![lame_duck.clone()], 30));
    let tight = Settings::NONE.shutdown_timeout(secs(24));
    let raised = variable("LIFECYCLE_SHUTDOWN_TIMEOUT", "25s");
    assert_eq!(
        behind(tight, &[]),
        (vec![lame_duck.clone(), raised.clone()], 30)
    );
    let given = [("LIFECYCLE_SHUTDOWN_TIMEOUT", 24)];
    assert_eq!(behind(tight, &given), (vec![lame_duck, raised], 30));
    assert_eq!(behind(tight.lame_duck(secs(2)), &[]), (Vec::new(), 29));
    let none = variable("LIFECYCLE_LAME_DUCK", "0s");
    assert_eq!(
        behind(tight, &[("LIFECYCLE_LAME_DUCK", 0)]),
        (vec![none], 29)
    );
}

/// Runs the program on a file of that name with the text, asserts that it succeeds, and returns its output.
#[track_caller]
fn expect_accepted(program: &str, arguments: &[&str], name: &str, text: &str) -> String {
    let folder = temp_dir().join(format!("lifecycle-print-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join(name);
    fs::write(&file, text).expect("a file");
    let output = Command::new(program).args(arguments).arg(&file).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    fs::remove_dir_all(&folder).expect("it is removed");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}\n{text}");
    said
}

#[test]
#[ignore = "needs graphviz"]
fn graphviz_accepts_the_graph() {
    for (name, plan) in [("small.dot", small()), ("large.dot", large())] {
        let text = dot::render(&PlanSummary::of(&plan));
        expect_accepted("dot", &["-Tcanon", "-o/dev/null"], name, &text);
    }
}

#[test]
#[ignore = "needs kubernetes-validate, from PyPI"]
fn kubernetes_accepts_the_deployment() {
    for (kind, service) in services() {
        let service = Service {
            arguments: vec!["--mode".to_owned(), "a \"b\": [c] # $(d)\n".to_owned()],
            ..service
        };
        let text = kubernetes::render(&service);
        let name = format!("deployment{kind}.yaml");
        expect_accepted("kubernetes-validate", &["--strict"], &name, &text);
    }
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_accepts_the_unit_file() {
    for (kind, service) in services() {
        let service = Service {
            path: Path::new("/bin/true").to_owned(),
            arguments: vec!["100% \"of\" $HOME\n".to_owned()],
            ..service
        };
        let text = systemd::render(&service);
        let name = format!("small{kind}.service");
        let said = expect_accepted("systemd-analyze", &["verify", "--man=no"], &name, &text);
        // An unknown key is only a warning.
        assert!(!said.contains(&name), "{said}\n{text}");
    }
}
