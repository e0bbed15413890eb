//! [`Drill`]: the faults and signals of a script, put in the places of the app's hooks.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use super::grammar;
use super::script::{Fault, Planned, Point, Script, Stage, Target};
use crate::api::hook::{Hook, HookCall, StartContext};
use crate::api::record::HookKind;
use crate::error::BoxError;
use crate::plan::component::{Component, Id, Kind};
use crate::sys;

/// How soon it is seen that the signal before has arrived.
const STEP: Duration = Duration::from_millis(5);
/// Within which the third one has ended the process.
const SPOT: Duration = Duration::from_secs(1);

/// What is rehearsed; by default nothing.
#[derive(Default)]
pub(crate) struct Drill {
    on: bool,
    faults: Vec<Arc<Injected>>,
    /// How many for each stage, and the directives.
    signals: [usize; 4],
    signals_text: Vec<String>,
    /// How many are under way, or have come.
    due: AtomicUsize,
    raised: Arc<AtomicUsize>,
    counted: OnceLock<Counted>,
    up: watch::Sender<bool>,
    going_down: AtomicBool,
}

/// How many signals have counted so far, and in how long another one will.
type Counted = fn() -> (usize, Duration);

struct Injected {
    /// Main's body where there is none.
    component: Option<Id>,
    point: Point,
    fault: Fault,
    text: String,
    came: AtomicBool,
}

impl Drill {
    /// The drill that the text describes, or everything that is wrong with it.
    pub(crate) fn new(text: Option<&str>, components: &[Component]) -> Result<Self, Vec<String>> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        let mut targets: Vec<Target<'_>> = components.iter().map(target).collect();
        targets.push(Target {
            name: "main",
            points: vec![Point::Run],
        });
        let Script {
            faults,
            signals,
            signals_text,
        } = grammar::read(text, &targets)?;
        let injected = |planned: Planned| {
            Arc::new(Injected {
                component: Some(planned.target).filter(|id| *id < components.len()),
                point: planned.point,
                fault: planned.fault,
                text: planned.text,
                came: AtomicBool::new(false),
            })
        };
        Ok(Self {
            on: true,
            faults: faults.into_iter().map(injected).collect(),
            signals,
            signals_text,
            ..Self::default()
        })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// Says what is going to happen.
    pub(crate) fn announcement(&self) -> Option<String> {
        if !self.on {
            return None;
        }
        let faults = self.faults.iter().map(|injected| &injected.text);
        let all: Vec<String> = faults
            .chain(&self.signals_text)
            .map(|text| format!("`{text}`"))
            .collect();
        Some(if all.is_empty() {
            "drill: the app is stopped as soon as it is up".to_owned()
        } else {
            format!("drill: this life goes wrong on purpose: {}", all.join(", "))
        })
    }

    /// Says what came of it.
    pub(crate) fn conclusion(&self) -> Option<String> {
        let (mut came, mut never): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for injected in &self.faults {
            let list = if injected.came.load(Relaxed) {
                &mut came
            } else {
                &mut never
            };
            list.push(format!("`{}`", injected.text));
        }
        let wanted: usize = self.signals.iter().sum();
        let raised = self.raised.load(Relaxed);
        if raised > 0 {
            came.push(format!("{raised} of {wanted} signals"));
        } else if wanted > 0 {
            never.push("any signal".to_owned());
        }
        let lines: Vec<String> = [("came", came), ("never came", never)]
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(what, list)| format!("drill: {what}: {}", list.join(", ")))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    pub(crate) fn start<T: 'static>(&self, id: Id, real: Hook<T>) -> Hook<T> {
        self.inject(id, Point::Start, real)
    }

    pub(crate) fn stop<T: 'static>(&self, id: Id, real: Hook<T>) -> Hook<T> {
        self.inject(id, Point::Stop, real)
    }

    pub(crate) fn reload<T: 'static>(&self, id: Id, real: Hook<T>) -> Hook<T> {
        self.inject(id, Point::Reload, real)
    }

    fn inject<T: 'static>(&self, id: Id, point: Point, real: Hook<T>) -> Hook<T> {
        let Some(injected) = self.find(Some(id), point) else {
            return real;
        };
        injected.came.store(true, Relaxed);
        let fault = injected.fault;
        match real.0 {
            HookCall::Future(real) => Hook::future(async move {
                fault.strike().await?;
                real.await
            }),
            HookCall::Thread(real) => Hook::thread(move || {
                fault.strike_thread()?;
                real()
            }),
        }
    }

    /// In place of a worker's function.
    pub(crate) fn run(&self, id: Id, real: Hook<()>, context: &StartContext) -> Hook<()> {
        let Some(injected) = self.find(Some(id), Point::Run) else {
            return real;
        };
        let ready = context.ready();
        let fault = injected.fault;
        match fault {
            Fault::Slow(_) => self.inject(id, Point::Run, real),
            Fault::Hang | Fault::Block => {
                ready.set();
                self.inject(id, Point::Run, real)
            }
            Fault::Error | Fault::Panic => {
                let shutdown = context.shutdown();
                let mut up = self.up.subscribe();
                let once_up = async move {
                    ready.set();
                    let is_up = async { up.wait_for(|up| *up).await.is_ok() };
                    // Told before: then it ends as it should.
                    if shutdown.run(is_up).await.is_none() {
                        return Ok(());
                    }
                    injected.came.store(true, Relaxed);
                    fault.strike().await
                };
                match real.0 {
                    HookCall::Future(_) => Hook::future(once_up),
                    HookCall::Thread(_) => {
                        Hook::thread(move || Handle::current().block_on(once_up))
                    }
                }
            }
        }
    }

    pub(crate) fn emergency(
        &self,
        id: Id,
        real: impl Fn() + Send + 'static,
    ) -> Box<dyn Fn() + Send> {
        let Some(injected) = self.find(Some(id), Point::Emergency) else {
            return Box::new(real);
        };
        Box::new(move || {
            injected.came.store(true, Relaxed);
            if injected.fault.strike_thread().is_ok() {
                real();
            }
        })
    }

    /// Main's body.
    pub(crate) fn main<F>(&self, body: F) -> impl Future<Output = Result<(), BoxError>> + use<F>
    where
        F: Future<Output = Result<(), BoxError>>,
    {
        let injected = self.find(None, Point::Run);
        async move {
            if let Some(injected) = injected {
                injected.came.store(true, Relaxed);
                injected.fault.strike().await?;
            }
            body.await
        }
    }

    fn find(&self, component: Option<Id>, point: Point) -> Option<Arc<Injected>> {
        self.faults
            .iter()
            .find(|injected| (injected.component, injected.point) == (component, point))
            .cloned()
    }

    /// Whether the periodic worker has its first run at once.
    pub(crate) fn hurries(&self, id: Id) -> bool {
        self.find(Some(id), Point::Run).is_some()
    }

    /// Whether the app is to be reloaded once it is up.
    pub(crate) fn reloads(&self) -> bool {
        self.faults
            .iter()
            .any(|injected| injected.point == Point::Reload)
    }

    /// Asked while the app runs, before each event: ends the life once all that is to go wrong before has. `runs` says
    /// whether the function of that worker has not ended.
    pub(crate) fn go_down(&self, runs: impl Fn(Id) -> bool, stop: impl FnOnce()) {
        if !self.on {
            return;
        }
        self.up.send_replace(true);
        let waits = |injected: &Arc<Injected>| {
            let ends = matches!(injected.fault, Fault::Error | Fault::Panic);
            match injected.component {
                // By that end the app goes down by itself.
                None => ends,
                Some(id) => !injected.came.load(Relaxed) || (ends && runs(id)),
            }
        };
        let mut runs = self.faults.iter().filter(|it| it.point == Point::Run);
        if runs.any(waits) || self.going_down.swap(true, Relaxed) {
            return;
        }
        if self.signals[Stage::Running as usize] > 0 {
            self.enter(Stage::Running);
        } else {
            stop();
        }
    }

    /// Says how signals arrive; without it none is sent.
    pub(crate) fn attach(&self, counted: Counted) {
        let _ = self.counted.set(counted);
    }

    /// Sends the signals of this stage, each as soon as it counts. To be called on the driver's runtime.
    pub(crate) fn enter(&self, stage: Stage) {
        let Some(counted) = self.counted.get().copied() else {
            return;
        };
        for _ in 0..self.signals[stage as usize] {
            let before = self.due.fetch_add(1, Relaxed);
            let raised = Arc::clone(&self.raised);
            tokio::spawn(async move {
                // None is taken for the one before: it may arrive late on a busy machine.
                while let (arrived, wait) = counted()
                    && (arrived < before || !wait.is_zero())
                {
                    sleep(wait.max(STEP)).await;
                }
                raised.fetch_add(1, Relaxed);
                sys::signals::terminate_self();
            });
        }
    }

    /// Whether the stage goes on until the signals have come that are due by then.
    pub(crate) fn holds(&self, stage: Stage) -> bool {
        let of_its_own = self.signals[stage as usize] > 0;
        let due = self.due.load(Relaxed);
        match stage {
            Stage::Starting => of_its_own,
            // The first one changes nothing any more, and the second one ends it.
            Stage::Draining => of_its_own && due > 1,
            Stage::Running | Stage::Stopping => due > 1,
        }
    }

    /// Waits for the one that ends the process.
    pub(crate) async fn third_signal(&self) {
        if self.due.load(Relaxed) > 2 {
            sleep(SPOT).await;
        }
    }
}

/// The hooks of the component that can go wrong.
fn target(component: &Component) -> Target<'_> {
    let points = match component.kind {
        Kind::Worker { .. } => vec![Point::Run],
        Kind::Resource { .. } => {
            let optional = [
                (HookKind::Stop, Point::Stop),
                (HookKind::Emergency, Point::Emergency),
                (HookKind::Reload, Point::Reload),
            ];
            let present = optional.iter().filter(|(hook, _)| component.has(*hook));
            std::iter::once(Point::Start)
                .chain(present.map(|(_, point)| *point))
                .collect()
        }
    };
    Target {
        name: &component.name,
        points,
    }
}
