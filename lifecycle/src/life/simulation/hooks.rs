//! What the code of a world does: hooks, workers, main's body, tasks. Each step is written down.

use std::io::ErrorKind;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::evidence::{Entry, Stage, What};
use super::world::{Call, Destructor, End, Outside, Ready, World};
use crate::api::hook::{Hook, Instance, StartContext, Stopped};
use crate::api::record::ResourceTable;
use crate::api::shutdown::Shutdown;
use crate::error::{BoxError, ConfigError};
use crate::life::hook_threads::lent;

/// A world with what has been written down of it so far.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) log: Mutex<Vec<Entry>>,
    /// How often each has been started, or run.
    calls: Vec<AtomicUsize>,
    /// What happens in the last moment of a stop.
    pub(super) at_end_of_stop: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// What a resource of a world is.
struct Thing {
    scene: Arc<Scene>,
    id: usize,
    /// The attempt that it came of.
    which: Which,
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.scene.log_of(self.which, What::Dropped);
        match self.scene.world.resources[self.id].destructor {
            Destructor::None | Destructor::Quick => {}
            Destructor::Panic => resume_unwind(Box::new("a destructor's panic")),
            // On a thread of the emergency hooks, where the world's time does not pass, it is quick.
            Destructor::Slow(millis) if Handle::try_current().is_ok() => {
                lent::wait(tokio::time::sleep(Duration::from_millis(millis)));
            }
            Destructor::Slow(_) => {}
        }
    }
}

/// Which of its calls, counted from 0.
#[derive(Clone, Copy)]
struct Which {
    id: usize,
    number: usize,
    stage: Stage,
}

/// Writes down whether a future ended, or was dropped before.
struct Watch {
    scene: Arc<Scene>,
    which: Which,
    bomb: bool,
    ended: bool,
}

impl Watch {
    fn end(&mut self, end: End) {
        self.ended = true;
        self.scene
            .log_of(self.which, What::Ended(self.which.stage, end));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            self.scene
                .log_of(self.which, What::Aborted(self.which.stage));
            if self.bomb && !std::thread::panicking() {
                resume_unwind(Box::new("the panic of a future that is dropped"));
            }
        }
    }
}

fn result<T>(end: End, value: impl FnOnce() -> T) -> Result<T, BoxError> {
    match end {
        End::Ok | End::Expected => Ok(value()),
        End::Fail => Err("an error of the simulation".into()),
        End::Config => Err(ConfigError::new("a wrong setting").into()),
        End::Disconnect => Err(std::io::Error::from(ErrorKind::BrokenPipe).into()),
        End::Panic => resume_unwind(Box::new("a panic of the simulation")),
        End::Never => unreachable!("it does not end"),
    }
}

/// Lets the act's time pass.
async fn act(act: super::world::Act) -> End {
    match act.end {
        End::Never => std::future::pending().await,
        _ if act.after == 0 => {}
        _ => tokio::time::sleep(Duration::from_millis(act.after)).await,
    }
    act.end
}

impl Scene {
    pub(super) fn new(world: World) -> Arc<Self> {
        let members = world.body_id();
        Arc::new(Self {
            world,
            log: Mutex::default(),
            calls: (0..members).map(|_| AtomicUsize::new(0)).collect(),
            at_end_of_stop: OnceLock::new(),
        })
    }

    pub(super) fn log(&self, id: usize, what: What) {
        self.write(id, 0, what);
    }

    fn log_of(&self, which: Which, what: What) {
        self.write(which.id, which.number, what);
    }

    fn write(&self, id: usize, number: usize, what: What) {
        let mut log = self.log.lock().unwrap();
        // The threads of emergency hooks do not know of the paused clock, which stands still for them.
        let at = match (log.last(), Handle::try_current()) {
            (Some(last), Err(_)) => last.at,
            _ => Instant::now(),
        };
        log.push(Entry {
            at,
            id,
            number,
            what,
        });
    }

    /// Does what the call does, and writes down when it is asked to stop.
    async fn perform(self: Arc<Self>, which: Which, call: Call, scope: Option<Shutdown>) -> End {
        let mut requested = pin!(async {
            match scope {
                Some(scope) => scope.requested().await,
                None => std::future::pending().await,
            }
        });
        let mut own = pin!(act(call.act));
        let mut is_stop_requested = false;
        let ended = std::future::poll_fn(|context| {
            if !is_stop_requested && requested.as_mut().poll(context).is_ready() {
                is_stop_requested = true;
                self.log_of(which, What::StopRequested(which.stage));
                if call.on_stop.is_some() {
                    return Poll::Ready(None);
                }
            }
            own.as_mut().poll(context).map(Some)
        })
        .await;
        match (ended, call.on_stop) {
            (Some(end), _) => end,
            (None, Some(reaction)) => act(reaction).await,
            (None, None) => unreachable!("it does not listen"),
        }
    }

    /// The call as a hook; `value` is made where it ends without an error.
    fn hook<T: Send + 'static>(
        self: &Arc<Self>,
        which: Which,
        call: Call,
        scope: Option<Shutdown>,
        value: impl FnOnce() -> T + Send + 'static,
    ) -> Hook<T> {
        let scene = Arc::clone(self);
        let give = move |end| result(end, value);
        if call.thread {
            return Hook::thread(move || {
                let performed = Arc::clone(&scene).perform(which, call, scope);
                let Some(end) = lent::wait(performed) else {
                    return Err("abandoned".into());
                };
                scene.log_of(which, What::Ended(which.stage, end));
                give(end)
            });
        }
        let future = self.watched(which, call, scope);
        Hook::future(async move { give(future.await) })
    }

    /// The call as a future.
    fn watched(
        self: &Arc<Self>,
        which: Which,
        call: Call,
        scope: Option<Shutdown>,
    ) -> impl Future<Output = End> + Send + use<> {
        let scene = Arc::clone(self);
        // Made now: it sees also a future that is dropped before it was polled.
        let mut watch = Watch {
            scene: Arc::clone(&scene),
            which,
            bomb: call.bomb,
            ended: false,
        };
        async move {
            let end = scene.perform(which, call, scope).await;
            watch.end(end);
            end
        }
    }

    fn spawn(self: &Arc<Self>, of: Which, calls: &[Call], scope: &Shutdown) {
        let stage = Stage::Task;
        let which = Which { stage, ..of };
        for call in calls {
            self.log_of(which, What::Called(stage));
            let task = self.watched(which, *call, Some(scope.clone()));
            scope.tasks().spawn(self.world.name(of.id), async move {
                let _ = result(task.await, || ());
            });
        }
    }

    /// The function of a worker, called for another run.
    pub(super) fn run(self: &Arc<Self>, id: usize, context: &StartContext) -> Hook<()> {
        let worker = self.world.worker(id);
        let which = self.called(id, Stage::Run);
        let run = which.number;
        let scope = context.shutdown();
        if let (0, Some((after, what))) = (run, worker.asks) {
            let (scene, scope) = (Arc::clone(self), scope.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(after)).await;
                scene.log(id, What::Sent(what));
                match what {
                    Outside::Fail => scope.fail("asked for"),
                    _ => scope.request(),
                }
            });
        }
        let scene = Arc::clone(self);
        let tasks = worker.tasks.clone();
        let call = worker.run(run);
        let begin = {
            let (scene, scope) = (Arc::clone(self), scope.clone());
            let (ready, sets) = (context.ready(), worker.ready);
            move || {
                scene.spawn(which, &tasks, &scope);
                match sets {
                    Ready::Sets(after) => drop(tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(after)).await;
                        scene.log_of(which, What::Ready);
                        ready.set();
                        if after % 2 == 0 {
                            // The second time it does nothing.
                            ready.set();
                        }
                    })),
                    // As if the poll blocked its thread: nothing else happens, and the clock goes on.
                    Ready::FirstPoll(millis) if millis > 0 && run == 0 => {
                        let jump = tokio::time::advance(Duration::from_millis(millis));
                        let _ = pin!(jump)
                            .poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
                    }
                    Ready::FirstPoll(_) | Ready::NeverSets => {}
                }
            }
        };
        match scene.hook(which, call, Some(scope), || ()).0 {
            crate::api::hook::HookCall::Future(future) => Hook::future(async move {
                begin();
                future.await
            }),
            crate::api::hook::HookCall::Thread(function) => Hook::thread(move || {
                begin();
                function()
            }),
        }
    }

    pub(super) async fn body(self: Arc<Self>, context: StartContext) -> Result<(), BoxError> {
        let Some(body) = &self.world.body else {
            return Ok(());
        };
        let id = self.world.body_id();
        let which = self.called(id, Stage::Body);
        self.spawn(which, &body.tasks, &context.shutdown());
        let end = self
            .watched(which, body.call, Some(context.shutdown()))
            .await;
        result(end, || ())
    }

    /// Writes down that it is called.
    fn called(&self, id: usize, stage: Stage) -> Which {
        let number = match stage {
            Stage::Start | Stage::Run => self.calls[id].fetch_add(1, Relaxed),
            Stage::Stop | Stage::Body | Stage::Task => 0,
        };
        let which = Which { id, number, stage };
        self.log_of(which, What::Called(stage));
        which
    }
}

/// The hooks of all resources; which one it is, its name says.
pub(super) fn table(needs_drop: bool) -> ResourceTable {
    fn start(context: &mut StartContext) -> Hook<Instance> {
        let id: usize = context.name[1..].parse().unwrap();
        let scene: Arc<Scene> = context.instances[0].1.downcast().unwrap();
        let resource = &scene.world.resources[id];
        // What it needs is handed to it.
        assert_eq!(context.instances.len(), 1 + resource.needs.len());
        let which = scene.called(id, Stage::Start);
        let (scope, later) = (context.shutdown(), context.shutdown());
        let call = resource.start(which.number);
        let owner = Arc::clone(&scene);
        scene.hook(which, call, Some(scope), move || {
            let tasks = &owner.world.resources[id].tasks;
            owner.spawn(which, tasks, &later);
            let scene = Arc::clone(&owner);
            Instance::new(Arc::new(Thing { scene, id, which }))
        })
    }
    fn stop(instance: &Instance) -> Option<Hook<Stopped>> {
        let thing: Arc<Thing> = instance.downcast().unwrap();
        let (scene, id) = (Arc::clone(&thing.scene), thing.id);
        let call = scene.world.resources[id].stop?;
        let which = scene.called(id, Stage::Stop);
        let stopped = if call.act.end == End::Expected {
            Stopped::Expected("an expected error".into())
        } else {
            Stopped::Clean
        };
        let ending = Arc::clone(&scene);
        Some(scene.hook(which, call, None, move || {
            if let Some(happens) = ending.at_end_of_stop.get() {
                happens();
            }
            stopped
        }))
    }
    fn emergency(instance: &Instance) {
        let thing: Arc<Thing> = instance.downcast().unwrap();
        thing.scene.log(thing.id, What::Emergency);
        if thing.scene.world.resources[thing.id].emergency == Some(true) {
            drop(thing);
            resume_unwind(Box::new("an emergency hook's panic"));
        }
    }
    ResourceTable {
        start,
        stop,
        emergency,
        health: |_| None,
        reload: |_| None,
        in_use: |_| None,
        needs_drop,
    }
}
