//! [`Drill`]: injects the faults of a script into the app's hooks, and sends its signals.

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

/// How often the arrival of the previous signal is checked.
const STEP: Duration = Duration::from_millis(5);
/// How long the third signal may take to end the process.
const SPOT: Duration = Duration::from_secs(1);

/// The drill of this run; by default none.
#[derive(Default)]
pub(crate) struct Drill {
    on: bool,
    faults: Vec<Arc<Injected>>,
    /// The number of signals of each stage.
    signals: [usize; 4],
    /// Their directives.
    signals_text: Vec<String>,
    /// The number of signals of the stages that have begun.
    due: AtomicUsize,
    /// The number of signals that have been sent.
    raised: Arc<AtomicUsize>,
    /// Absent where the process does not handle signals.
    counted: OnceLock<Counted>,
    up: watch::Sender<bool>,
    /// The stop has been asked for, by a signal or directly.
    going_down: AtomicBool,
}

/// Returns how many signals have counted so far, and how long another one would not yet count.
type Counted = fn() -> (usize, Duration);

struct Injected {
    /// `None` for the body of `main`.
    component: Option<Id>,
    point: Point,
    fault: Fault,
    text: String,
    /// Whether the fault has struck.
    occurred: AtomicBool,
}

impl Drill {
    /// Parses the text; without one there is no drill. Returns all mistakes at once.
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
                occurred: AtomicBool::new(false),
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

    /// The message at the start: what is rehearsed.
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
            format!("drill: this run goes wrong on purpose: {}", all.join(", "))
        })
    }

    /// The message after the report: what occurred, and what did not.
    pub(crate) fn conclusion(&self) -> Option<String> {
        let (mut occurred, mut missing): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for injected in &self.faults {
            let list = if injected.occurred.load(Relaxed) {
                &mut occurred
            } else {
                &mut missing
            };
            list.push(format!("`{}`", injected.text));
        }
        let wanted: usize = self.signals.iter().sum();
        let raised = self.raised.load(Relaxed);
        if raised > 0 {
            occurred.push(format!("{raised} of {wanted} signals"));
        } else if wanted > 0 {
            missing.push("any signal".to_owned());
        }
        let lines: Vec<String> = [("occurred", occurred), ("did not occur", missing)]
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
        injected.occurred.store(true, Relaxed);
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

    /// The function of a worker, with its fault.
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
                    // A stop that is requested before the app is up ends the worker without its fault.
                    if shutdown.run(is_up).await.is_none() {
                        return Ok(());
                    }
                    injected.occurred.store(true, Relaxed);
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
            injected.occurred.store(true, Relaxed);
            if injected.fault.strike_thread().is_ok() {
                real();
            }
        })
    }

    /// The body of `main`, with its fault.
    pub(crate) fn main<F>(&self, body: F) -> impl Future<Output = Result<(), BoxError>> + use<F>
    where
        F: Future<Output = Result<(), BoxError>>,
    {
        let injected = self.find(None, Point::Run);
        async move {
            if let Some(injected) = injected {
                injected.occurred.store(true, Relaxed);
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

    /// Whether the first run of a periodic worker is due at once: its fault could otherwise be an interval away.
    pub(crate) fn hurries(&self, id: Id) -> bool {
        self.find(Some(id), Point::Run).is_some()
    }

    /// Whether the drill reloads the app once it is up.
    pub(crate) fn reloads(&self) -> bool {
        self.faults
            .iter()
            .any(|injected| injected.point == Point::Reload)
    }

    /// Stops the app once every fault in a running function has struck. Called before each event while the app runs.
    /// `runs` returns whether the function of that worker has not ended.
    pub(crate) fn go_down(&self, runs: impl Fn(Id) -> bool, stop: impl FnOnce()) {
        if !self.on {
            return;
        }
        self.up.send_replace(true);
        let waits = |injected: &Arc<Injected>| {
            let ends = matches!(injected.fault, Fault::Error | Fault::Panic);
            match injected.component {
                // The end of `main` stops the app by itself.
                None => ends,
                Some(id) => !injected.occurred.load(Relaxed) || (ends && runs(id)),
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

    /// Sets how arrived signals are counted. Without this call no signal is sent: nothing would handle it.
    pub(crate) fn attach(&self, counted: Counted) {
        let _ = self.counted.set(counted);
    }

    /// Sends the signals of the stage, each as soon as it counts. Must be called on the driver's runtime.
    pub(crate) fn enter(&self, stage: Stage) {
        let Some(counted) = self.counted.get().copied() else {
            return;
        };
        for _ in 0..self.signals[stage as usize] {
            let before = self.due.fetch_add(1, Relaxed);
            let raised = Arc::clone(&self.raised);
            tokio::spawn(async move {
                // Waits for the arrival of the previous signal first: two that are pending at the same time arrive as
                // one, and on a busy machine delivery takes a while.
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

    /// Whether the stage must not end before the signals that are due by then have arrived.
    pub(crate) fn holds(&self, stage: Stage) -> bool {
        let of_its_own = self.signals[stage as usize] > 0;
        let due = self.due.load(Relaxed);
        match stage {
            Stage::Starting => of_its_own,
            // The first signal has asked for the stop already. The second one ends the stage itself, by force.
            Stage::Draining => of_its_own && due > 1,
            Stage::Running | Stage::Stopping => due > 1,
        }
    }

    /// Waits for the third signal, which ends the process.
    pub(crate) async fn third_signal(&self) {
        if self.due.load(Relaxed) > 2 {
            sleep(SPOT).await;
        }
    }
}

/// The hooks of the component that a fault can strike.
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
