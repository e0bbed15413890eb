//! Random worlds under paused time: graphs, faults and instants from a seed, checked against the invariants.
//!
//! A failure names the seed; `LIFECYCLE_SEED=17 cargo test -p lifecycle simulation` replays that world alone.

use std::any::TypeId;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::event::Event;
use super::outcome::{Layer, Outcome};
use super::{Life, Wiring};
use crate::component::{Component, Kind, Source};
use crate::error::BoxError;
use crate::graph::{Cost, Graph, Node};
use crate::hook::{Hook, Instance, StartContext, Stopped};
use crate::plan::Plan;
use crate::record::{HookKind, ResourceTable};
use crate::settings::Settings;

const TOTAL: Duration = Duration::from_secs(20);
const RESERVE: Duration = Duration::from_secs(2);
const DRAIN: Duration = Duration::from_secs(1);

/// What a hook does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Ok,
    Slow(u64),
    Fail(u64),
    Panic,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    StartBegan,
    Up,
    StopBegan,
    StopEnded,
    Emergency,
}

#[derive(Debug, Clone)]
struct Member {
    node: Node,
    start: Act,
    stop: Act,
    emergency: bool,
    /// Hooks run on threads instead of the runtime.
    threads: bool,
}

struct World {
    members: Vec<Member>,
    log: Mutex<Vec<(usize, What, Instant)>>,
}

struct Thing {
    world: Arc<World>,
    id: usize,
}

impl Drop for Thing {
    fn drop(&mut self) {
        std::hint::black_box(self.id);
    }
}

impl World {
    fn log(&self, id: usize, what: What) {
        self.log.lock().unwrap().push((id, what, Instant::now()));
    }

    fn hook<T: Send + 'static>(
        self: &Arc<Self>,
        id: usize,
        act: Act,
        (began, ended): (What, What),
        value: impl FnOnce() -> T + Send + 'static,
    ) -> Hook<T> {
        let world = Arc::clone(self);
        if self.members[id].threads && matches!(act, Act::Ok | Act::Fail(0) | Act::Panic) {
            return Hook::thread(move || {
                world.log(id, began);
                let result = act.at_once().map(|()| value());
                if result.is_ok() || ended == What::StopEnded {
                    world.log(id, ended);
                }
                result
            });
        }
        Hook::future(async move {
            world.log(id, began);
            match act {
                Act::Slow(millis) | Act::Fail(millis) => {
                    tokio::time::sleep(Duration::from_millis(millis)).await
                }
                Act::Never => std::future::pending().await,
                Act::Ok | Act::Panic => {}
            }
            let result = act.at_once().map(|()| value());
            if result.is_ok() || ended == What::StopEnded {
                world.log(id, ended);
            }
            result
        })
    }
}

impl Act {
    fn at_once(self) -> Result<(), BoxError> {
        match self {
            Self::Fail(_) => Err("an error of the simulation".into()),
            Self::Panic => std::panic::resume_unwind(Box::new("a panic of the simulation")),
            _ => Ok(()),
        }
    }

    fn random(random: &mut Rng, faulty: bool) -> Self {
        match random.u32(0..if faulty { 20 } else { 14 }) {
            0..8 => Self::Ok,
            8..14 => Self::Slow(random.u64(1..500)),
            14..17 => Self::Fail(random.u64(0..2) * 100),
            17 => Self::Panic,
            _ => Self::Never,
        }
    }

    fn is_clean(self) -> bool {
        matches!(self, Self::Ok | Self::Slow(_))
    }
}

fn table() -> ResourceTable {
    fn start(context: &mut StartContext) -> Hook<Instance> {
        let id: usize = context.name.trim_start_matches('c').parse().unwrap();
        let world: Arc<World> = context.instances[0].1.downcast().unwrap();
        let thing = Thing {
            world: Arc::clone(&world),
            id,
        };
        let act = world.members[id].start;
        world.hook(id, act, (What::StartBegan, What::Up), move || {
            Instance::new(Arc::new(thing))
        })
    }
    fn stop(instance: &Instance) -> Option<Hook<Stopped>> {
        let thing: Arc<Thing> = instance.downcast().unwrap();
        let (world, id) = (Arc::clone(&thing.world), thing.id);
        let act = world.members[id].stop;
        Some(
            world.hook(id, act, (What::StopBegan, What::StopEnded), move || {
                drop(thing);
                Stopped::Clean
            }),
        )
    }
    fn emergency(instance: &Instance) {
        let thing: Arc<Thing> = instance.downcast().unwrap();
        thing.world.log(thing.id, What::Emergency);
    }
    ResourceTable {
        start,
        stop,
        emergency,
        health: |_| None,
        reload: |_| None,
        in_use: |_| None,
        needs_drop: true,
    }
}

/// A random world: members only need earlier ones, and orders never contradict that.
fn world(random: &mut Rng, members: usize, faulty: bool) -> Arc<World> {
    let with_orders = random.bool();
    let mut built: Vec<Member> = Vec::new();
    for id in 0..members {
        let mut needs: Vec<usize> = (0..random.usize(0..4))
            .filter(|_| id > 0)
            .map(|_| random.usize(0..id))
            .collect();
        needs.sort_unstable();
        needs.dedup();
        // Ids of one order follow each other, so that a need is never of a larger one.
        let order = (with_orders && random.u32(0..3) > 0).then(|| i32::try_from(id / 7).unwrap());
        let cost = if random.bool() {
            Cost::Share
        } else {
            Cost::Fixed(Duration::from_millis(random.u64(600..900)))
        };
        built.push(Member {
            node: Node {
                name: format!("c{id}"),
                order,
                needs,
                cost,
            },
            start: if faulty && random.u32(0..members as u32) == 0 {
                Act::random(random, true)
            } else {
                Act::random(random, false)
            },
            stop: Act::random(random, faulty),
            emergency: random.u32(0..4) == 0,
            threads: random.u32(0..8) == 0,
        });
    }
    Arc::new(World {
        members: built,
        log: Mutex::new(Vec::new()),
    })
}

fn plan(world: &Arc<World>, settings: Settings) -> Plan {
    let nodes: Vec<Node> = world
        .members
        .iter()
        .map(|member| member.node.clone())
        .collect();
    let components = world
        .members
        .iter()
        .map(|member| Component {
            name: member.node.name.as_str().into(),
            timeout: match member.node.cost {
                Cost::Fixed(timeout) => Some(timeout),
                Cost::Share | Cost::Nothing => None,
            },
            start_timeout: Duration::from_secs(1),
            retries: 0,
            backoff: Duration::ZERO,
            takes_shutdown: false,
            takes_ready: false,
            takes: vec![(
                TypeId::of::<Arc<World>>(),
                Source::Provided(Instance::new(Arc::clone(world))),
            )],
            kind: Kind::Resource {
                table: table(),
                hooks: if member.emergency {
                    &[HookKind::Stop, HookKind::Emergency]
                } else {
                    &[HookKind::Stop]
                },
            },
        })
        .collect();
    let graph = Graph::new(&nodes).expect("a world without contradictions");
    Plan::of("world".into(), components, &nodes, graph, settings)
}

async fn live(world: &Arc<World>, stop_after: Option<Duration>) -> (Outcome, Duration) {
    live_as(world, stop_after, |_| ()).await
}

async fn live_as(
    world: &Arc<World>,
    stop_after: Option<Duration>,
    change: impl FnOnce(&mut Plan),
) -> (Outcome, Duration) {
    let settings = Settings::default()
        .shutdown_timeout(TOTAL)
        .emergency_timeout(RESERVE)
        .drain_timeout(DRAIN);
    live_with(world, stop_after, settings, change).await
}

/// Leads the world's life; stops it `stop_after` its begin, or once it is up.
async fn live_with(
    world: &Arc<World>,
    stop_after: Option<Duration>,
    settings: Settings,
    change: impl FnOnce(&mut Plan),
) -> (Outcome, Duration) {
    let (up, is_up) = oneshot::channel();
    let cause: Arc<Mutex<Option<Instant>>> = Arc::default();
    let fixed = Arc::clone(&cause);
    let wiring = Wiring {
        runtime: tokio::runtime::Handle::current(),
        observer: Box::new(drop),
        body: None,
        up: Some(up),
        on_deadline: Box::new(move |_| *fixed.lock().unwrap() = Some(Instant::now())),
        on_code: Box::new(drop),
    };
    let mut plan = plan(world, settings);
    change(&mut plan);
    let (life, handles) = Life::new(Arc::new(plan), wiring).unwrap();
    let driver = tokio::spawn(life.run());
    match stop_after {
        Some(time) => tokio::time::sleep(time).await,
        None => drop(is_up.await),
    }
    let _ = handles.events.send(Event::Stop);
    let outcome = driver.await.unwrap();
    let took = cause.lock().unwrap().map(|cause| cause.elapsed()).unwrap();
    (outcome, took)
}

/// Everything that `id` comes after: what it needs, and every smaller order.
fn before(world: &World, id: usize) -> HashSet<usize> {
    let order = world.members[id].node.order;
    let smaller = (0..world.members.len())
        .filter(|other| matches!((world.members[*other].node.order, order), (Some(other), Some(own)) if other < own));
    world.members[id]
        .node
        .needs
        .iter()
        .copied()
        .chain(smaller)
        .collect()
}

/// The invariants of every world.
fn check(world: &World, outcome: &Outcome, took: Duration) {
    let log = world.log.lock().unwrap().clone();
    if std::env::var_os("LIFECYCLE_SEED").is_some() {
        eprintln!("{:#?}\n{log:#?}\n{outcome:#?}", world.members);
    }
    let at = |id: usize, what: What| {
        log.iter()
            .position(|entry| (entry.0, entry.1) == (id, what))
    };
    let count = |id: usize, what: What| {
        log.iter()
            .filter(|entry| (entry.0, entry.1) == (id, what))
            .count()
    };
    assert!(took <= TOTAL, "it took {took:?}");
    for id in 0..world.members.len() {
        let up = at(id, What::Up);
        let fate = outcome
            .fates
            .iter()
            .find(|fate| *fate.name == *world.members[id].node.name)
            .unwrap();
        assert!(
            count(id, What::StopBegan) <= 1 && count(id, What::Emergency) <= 1,
            "c{id} more than once"
        );
        assert_eq!(
            fate.started.is_some(),
            up.is_some(),
            "c{id} is up and reported so"
        );
        if up.is_none() {
            assert_eq!(
                count(id, What::StopBegan) + count(id, What::Emergency),
                0,
                "c{id} never came up"
            );
            continue;
        }
        let stopped = count(id, What::StopBegan) == 1;
        assert!(
            stopped || took >= TOTAL - RESERVE,
            "c{id} got no stop, with time left"
        );
        let clean = stopped
            && world.members[id].stop.is_clean()
            && at(id, What::StopEnded).is_some()
            && fate.errors.is_empty();
        if clean {
            assert_eq!(
                (fate.layer, count(id, What::Emergency)),
                (Layer::Safe, 0),
                "c{id} stopped clean"
            );
        } else {
            let due = usize::from(world.members[id].emergency);
            assert_eq!(
                count(id, What::Emergency),
                due,
                "c{id} did not stop clean: {:?}",
                fate.errors
            );
            assert!(fate.unclean && !fate.errors.is_empty(), "c{id} is reported");
        }
        for other in before(world, id) {
            let began = at(id, What::StartBegan).unwrap();
            assert!(
                at(other, What::Up).is_some_and(|up| up < began),
                "c{id} started before c{other} was up"
            );
            if let (true, Some(other_stop)) = (stopped, at(other, What::StopBegan)) {
                let act = world.members[id].stop;
                let ended = if act == Act::Never {
                    at(id, What::StopBegan)
                } else {
                    at(id, What::StopEnded).or(at(id, What::StopBegan))
                };
                assert!(
                    ended.is_some_and(|ended| ended < other_stop),
                    "c{other} stopped before c{id} had ended"
                );
                if let Some(emergency) = at(id, What::Emergency) {
                    assert!(
                        emergency < other_stop,
                        "c{other} stopped before the emergency hook of c{id}"
                    );
                }
            }
        }
    }
    let failed = outcome.root.is_some();
    let unclean = outcome.fates.iter().any(|fate| fate.unclean);
    let code = if failed {
        1
    } else if unclean {
        3
    } else {
        0
    };
    assert_eq!(outcome.exit_code, code, "{outcome:?}");
}

fn simulate(seeds: std::ops::Range<u64>, run: impl Fn(&mut Rng)) {
    let only = std::env::var("LIFECYCLE_SEED")
        .ok()
        .and_then(|seed| seed.parse::<u64>().ok());
    for seed in seeds.filter(|seed| only.is_none_or(|only| only == *seed)) {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run(&mut Rng::with_seed(seed))
        }));
        if let Err(payload) = result {
            panic!("world {seed}: {}", crate::error::panic_message(&*payload));
        }
    }
}

fn paused<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn a_thousand_graphs_of_fifty_start_and_stop_in_order() {
    simulate(0..1_000, |random| {
        let world = world(random, 50, false);
        let (outcome, took) = paused(live(&world, None));
        assert!(outcome.ran);
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        check(&world, &outcome, took);
    });
}

#[test]
fn whatever_fails_the_invariants_hold() {
    simulate(0..2_000, |random| {
        let members = random.usize(1..60);
        let world = world(random, members, true);
        let stop_after = random
            .bool()
            .then(|| Duration::from_millis(random.u64(0..3_000)));
        let (outcome, took) = paused(live(&world, stop_after));
        check(&world, &outcome, took);
    });
}

fn plain(members: usize, needs: impl Fn(usize) -> Vec<usize>, start: Act) -> Arc<World> {
    let members = (0..members)
        .map(|id| Member {
            node: Node {
                name: format!("c{id}"),
                order: None,
                needs: needs(id),
                cost: Cost::Share,
            },
            start,
            stop: Act::Ok,
            emergency: false,
            threads: false,
        })
        .collect();
    Arc::new(World {
        members,
        log: Mutex::new(Vec::new()),
    })
}

#[test]
fn independent_starts_overlap() {
    let world = plain(50, |_| Vec::new(), Act::Slow(100));
    let (outcome, _) = paused(live(&world, None));
    assert_eq!(outcome.startup, Duration::from_millis(100));
}

#[test]
fn a_chain_takes_the_sum_of_its_starts() {
    let world = plain(
        20,
        |id| id.checked_sub(1).into_iter().collect(),
        Act::Slow(100),
    );
    let (outcome, _) = paused(live(&world, None));
    assert_eq!(outcome.startup, Duration::from_secs(2));
}

#[test]
fn when_a_start_fails_exactly_those_before_it_are_stopped_in_reverse() {
    for step in 0..20 {
        for act in [Act::Fail(0), Act::Fail(100), Act::Panic, Act::Never] {
            let mut world = plain(20, |id| id.checked_sub(1).into_iter().collect(), Act::Ok);
            Arc::get_mut(&mut world).unwrap().members[step].start = act;
            let (outcome, took) = paused(live(&world, None));
            check(&world, &outcome, took);
            assert_eq!(outcome.exit_code, 1);
            assert!(
                outcome
                    .root
                    .as_deref()
                    .is_some_and(|root| root.contains(&format!("`c{step}` did not start")))
            );
            let log = world.log.lock().unwrap();
            let stopped: Vec<usize> = log
                .iter()
                .filter(|entry| entry.1 == What::StopBegan)
                .map(|entry| entry.0)
                .collect();
            assert_eq!(
                stopped,
                (0..step).rev().collect::<Vec<_>>(),
                "{act:?} at {step}"
            );
        }
    }
}

#[test]
fn a_hanging_stop_leaves_the_others_their_share() {
    let mut world = plain(5, |id| id.checked_sub(1).into_iter().collect(), Act::Ok);
    let members = &mut Arc::get_mut(&mut world).unwrap().members;
    members[4].stop = Act::Never;
    for member in &mut members[..4] {
        member.stop = Act::Slow(3_000);
    }
    let (outcome, took) = paused(live(&world, None));
    check(&world, &outcome, took);
    assert_eq!(outcome.exit_code, 3);
    // 18 s before the reserve, shared by five.
    assert_eq!(took, Duration::from_millis(3_600 + 4 * 3_000));
    assert!(
        outcome
            .fates
            .iter()
            .filter(|fate| fate.layer == Layer::Safe)
            .count()
            == 4
    );
}

#[test]
fn a_long_chain_without_stop_hooks_needs_no_stack() {
    let world = plain(
        10_000,
        |id| id.checked_sub(1).into_iter().collect(),
        Act::Ok,
    );
    let (outcome, _) = paused(live_as(&world, None, |plan| {
        for component in &mut plan.components {
            if let Kind::Resource { table, hooks } = &mut component.kind {
                table.needs_drop = false;
                *hooks = &[];
            }
        }
    }));
    assert_eq!(outcome.exit_code, 0);
    assert!(outcome.fates.iter().all(|fate| fate.stopped.is_some()));
}

#[test]
fn no_limit_is_no_overflow() {
    let settings = Settings::default()
        .shutdown_timeout(Duration::MAX)
        .drain_timeout(Duration::MAX)
        .lame_duck(Duration::ZERO)
        .startup_timeout(Duration::MAX);
    let world = plain(3, |_| Vec::new(), Act::Ok);
    let (outcome, _) = paused(live_with(&world, None, settings, |_| ()));
    assert_eq!(outcome.exit_code, 0);
}
