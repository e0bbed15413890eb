//! Leads the life of a world, under a clock that stands still, and writes down what happens.

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use super::evidence::{Story, What, millis};
use super::hooks::{Scene, table};
use super::world::{Destructor, Early, Outside, World};
use crate::api::background_policy::BackgroundPolicy;
use crate::api::event::EventKind;
use crate::api::hook::Instance;
use crate::api::record::HookKind;
use crate::api::schedule::Schedule;
use crate::api::settings::Settings;
use crate::api::shutdown::Shutdown;
use crate::error::BoxError;
use crate::error::failure::Failure;
use crate::life::body::host;
use crate::life::emergency::Emergency;
use crate::life::input::Input;
use crate::life::{BodyLink, Life, Wiring};
use crate::plan::Plan;
use crate::plan::component::{Component, Kind, Source};
use crate::plan::graph::{Cost, Graph, Node};

thread_local! {
    static JITTER: Cell<Option<f64>> = const { Cell::new(None) };
    static STEPS: Cell<u64> = const { Cell::new(0) };
    /// What happens at which step, the last one first; and where it is written down.
    static SCRIPT: RefCell<Vec<(u64, Outside)>> = const { RefCell::new(Vec::new()) };
    static SCENE: RefCell<Option<Arc<Scene>>> = const { RefCell::new(None) };
}

/// What stands for chance in the life that this thread leads.
pub(in crate::life) fn jitter() -> Option<f64> {
    JITTER.get()
}

/// Counts a step of the driver; what happens in its place, if something is to.
pub(in crate::life) fn interposed() -> Option<Input> {
    let step = STEPS.get();
    STEPS.set(step + 1);
    let (_, outside) = SCRIPT.with_borrow_mut(|script| script.pop_if(|(at, _)| *at <= step))?;
    SCENE.with_borrow(|scene| {
        let scene = scene.as_ref()?;
        scene.log(scene.world.outside_id(), What::Sent(outside));
        Some(outside.event())
    })
}

impl Outside {
    fn event(self) -> Input {
        match self {
            Self::Stop => Input::Stop,
            Self::Fail => Input::Fail {
                name: "app".into(),
                failure: Failure::from(BoxError::from("asked for")),
            },
            Self::Hangup => Input::Hangup,
            Self::Signal(signal) => Input::Signal(signal),
            Self::Forced(signal) => Input::Forced(signal),
            Self::Exited(code) => Input::Exited(Some(code)),
        }
    }
}

/// Leads the world's life, with these in place of the driver's next input at those steps.
pub(super) fn lead(world: &World, script: &[(u64, Outside)]) -> Story {
    JITTER.set(Some(world.jitter));
    STEPS.set(0);
    SCRIPT.set(script.iter().rev().copied().collect());
    let scene = Scene::new(world.clone());
    SCENE.set(Some(Arc::clone(&scene)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut story = runtime.block_on(live(&scene));
    story.script = script.to_vec();
    JITTER.set(None);
    SCRIPT.set(Vec::new());
    SCENE.set(None);
    story
}

async fn live(scene: &Arc<Scene>) -> Story {
    let plan = plan(scene);
    let (up, is_up) = oneshot::channel();
    let observed = Arc::clone(scene);
    let (start, is_started) = oneshot::channel();
    let (abort, is_aborted) = oneshot::channel();
    let hooks = Arc::new(OnceLock::<Emergency>::new());
    let early = scene.world.early_watchdog;
    let watchdog = |is_now: fn(Early) -> bool| {
        let wanted = early.is_some_and(is_now);
        let hooks = Arc::clone(&hooks);
        move || {
            if let Some(hooks) = hooks.get().filter(|_| wanted) {
                if let Some(Early::Signal(signal)) = early {
                    hooks.force(signal);
                }
                hooks.begin(std::time::Instant::now() + Duration::from_secs(60));
                // Before the driver can disarm one.
                while hooks.armed() > 0 {
                    std::thread::yield_now();
                }
            }
        }
    };
    let on_deadline = watchdog(|early| early == Early::Deadline);
    let on_stop = watchdog(|early| matches!(early, Early::FirstStop | Early::Signal(_)));
    let at_end_of_stop = watchdog(|early| early == Early::EndOfStop);
    let _ = scene.at_end_of_stop.set(Box::new(at_end_of_stop));
    let wiring = Wiring {
        runtime: tokio::runtime::Handle::current(),
        observer: Box::new(move |event| {
            if matches!(event.kind(), EventKind::Stopping { .. }) {
                on_stop();
            }
            observe(&observed, event.kind());
        }),
        body: scene.world.body.as_ref().map(|_| BodyLink { start, abort }),
        up: Some(up),
        on_deadline: Box::new(move |_| on_deadline()),
        on_code: Box::new(drop),
    };
    let began = Instant::now();
    let (life, handles) = Life::new(Arc::new(plan), wiring).unwrap();
    let _ = hooks.set(handles.emergency.handle());
    let shutdown = life.shutdown();
    let written = Arc::clone(scene);
    let driver = tokio::spawn(async move {
        let outcome = life.run().await;
        // What is dropped after the life is no part of the story.
        let log = written.log.lock().unwrap().clone();
        (outcome, log, Instant::now(), STEPS.get())
    });
    let (ended, is_ended) = oneshot::channel::<()>();
    let events = handles.events.clone();
    if scene.world.body.is_some() {
        let scene = Arc::clone(scene);
        let events = events.clone();
        tokio::spawn(async move {
            host(
                |context| scene.body(context),
                is_started,
                is_aborted,
                &events,
                is_ended,
            )
            .await
        });
    }
    outside_events(scene, &shutdown, &events, is_up);
    let (outcome, log, ended_at, steps) = driver.await.unwrap();
    drop((ended, handles));
    Story {
        world: scene.world.clone(),
        script: Vec::new(),
        outcome,
        log,
        began,
        ended: ended_at,
        steps,
    }
}

/// Spawns what happens from outside.
fn outside_events(
    scene: &Arc<Scene>,
    shutdown: &Shutdown,
    events: &mpsc::UnboundedSender<Input>,
    is_up: oneshot::Receiver<()>,
) {
    let linger = millis(scene.world.linger);
    let send = |scene: &Arc<Scene>, outside: Outside| {
        let (scene, events) = (Arc::clone(scene), events.clone());
        move || {
            scene.log(scene.world.outside_id(), What::Sent(outside));
            let _ = events.send(outside.event());
        }
    };
    let stop = send(scene, Outside::Stop);
    tokio::spawn(async move {
        if is_up.await.is_ok() {
            sleep(linger).await;
            stop();
        }
    });
    for (at, outside) in scene.world.outside.clone() {
        let send = send(scene, outside);
        tokio::spawn(async move {
            sleep(millis(at)).await;
            send();
        });
    }
    for (index, unit) in scene.world.units.iter().copied().enumerate() {
        let (scene, shutdown) = (Arc::clone(scene), shutdown.clone());
        let id = scene.world.unit_id(index);
        tokio::spawn(async move {
            sleep(millis(unit.at)).await;
            let Ok(admitted) = shutdown.admit() else {
                return scene.log(id, What::Refused);
            };
            scene.log(id, What::Admitted);
            match unit.length {
                Some(length) => sleep(millis(length)).await,
                None => std::future::pending().await,
            }
            if let Some(more) = unit.more {
                let part = admitted.clone();
                drop(admitted);
                sleep(millis(more)).await;
                drop(part);
            } else {
                drop(admitted);
            }
            scene.log(id, What::Finished);
        });
    }
}

fn observe(scene: &Scene, event: &EventKind) {
    let what = match event {
        EventKind::Running { .. } => What::Running,
        EventKind::ShutdownBegan { .. } => What::Stopping,
        EventKind::Draining { .. } => What::Draining,
        EventKind::Forced { .. } => What::OutOfTime,
        _ => return,
    };
    scene.log(scene.world.outside_id(), what);
}

fn plan(scene: &Arc<Scene>) -> Plan {
    let world = &scene.world;
    let settings = Settings::default()
        .shutdown_timeout(millis(world.shutdown))
        .emergency_timeout(millis(world.reserve))
        .drain_timeout(millis(world.drain))
        .lame_duck(millis(world.lame_duck))
        .startup_timeout(millis(world.startup));
    let nodes: Vec<Node> = world
        .resources
        .iter()
        .enumerate()
        .map(|(id, resource)| Node {
            name: world.name(id),
            order: resource.order,
            needs: resource.needs.clone(),
            cost: resource
                .timeout
                .map_or(Cost::Share, |timeout| Cost::Fixed(millis(timeout))),
        })
        .collect();
    let graph = Graph::new(&nodes).expect("a world without contradictions");
    let components = (0..world.body_id())
        .map(|id| component(scene, id))
        .collect();
    Plan::of("app".into(), components, &nodes, graph, settings)
}

fn component(scene: &Arc<Scene>, id: usize) -> Component {
    let world = &scene.world;
    let handed = (
        TypeId::of::<Arc<Scene>>(),
        Source::Provided(Instance::new(Arc::clone(scene))),
    );
    let name = world.name(id).as_str().into();
    let Some(resource) = world.resources.get(id) else {
        let worker = world.worker(id);
        let mut policy = BackgroundPolicy::DEFAULT
            .restart(worker.restart)
            .intensity(worker.max_restarts, millis(worker.within))
            .backoff(millis(worker.backoff))
            .on_failure(worker.on_failure)
            .on_finish(worker.on_finish);
        if let Some(every) = worker.every {
            let mut schedule = Schedule::every(millis(every.period));
            if every.immediate {
                schedule = schedule.immediate();
            }
            if let Some(timeout) = every.run_timeout {
                schedule = schedule.run_timeout(millis(timeout));
            }
            if let Some(most) = every.max_failures {
                schedule = schedule.max_failures(most);
            }
            policy = policy.schedule(schedule);
        }
        let run = Arc::clone(scene);
        return Component {
            name,
            order: worker.order,
            timeout: worker.timeout.map(millis),
            start_timeout: millis(worker.start_timeout),
            retries: 0,
            backoff: Duration::ZERO,
            takes_shutdown: true,
            takes_ready: !matches!(worker.ready, super::world::Ready::FirstPoll(_)),
            takes: Vec::new(),
            kind: Kind::Worker {
                run: Arc::new(move |context| run.run(id, context)),
                policy,
            },
            is_expanded: true,
        };
    };
    let needs = resource.needs.iter().map(|id| {
        (
            TypeId::of::<()>(),
            Source::Component {
                id: *id,
                bind: None,
            },
        )
    });
    Component {
        name,
        order: resource.order,
        timeout: resource.timeout.map(millis),
        start_timeout: millis(resource.start_timeout),
        retries: resource.retries,
        backoff: millis(resource.backoff),
        takes_shutdown: resource.takes_shutdown,
        takes_ready: false,
        takes: std::iter::once(handed).chain(needs).collect(),
        kind: Kind::Resource {
            table: table(resource.destructor != Destructor::None),
            readiness: false,
            hooks: match (resource.stop.is_some(), resource.emergency.is_some()) {
                (true, true) => &[HookKind::Stop, HookKind::Emergency],
                (true, false) => &[HookKind::Stop],
                (false, true) => &[HookKind::Emergency],
                (false, false) => &[],
            },
        },
        is_expanded: true,
    }
}
