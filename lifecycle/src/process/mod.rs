//! `main`: owns the process, from the first line to the exit code.
//!
//! The order matters: watchdog and signals come before anything else, the runtime after the plan, the driver of the life
//! on a thread and a small runtime of its own, so that it goes on when user code blocks every thread of the app's. Only
//! where the plan is printed, and not lived, is there none of it.
//!
//! The process's first thread runs none of it either: it waits. That is whom the kernel gives a signal, as long as it does
//! not mask it, and a thread that works may not take one for long: in uninterruptible I/O, or in the queue for the memory
//! map while hundreds of threads are made.

#[cfg(unix)]
pub(crate) mod signals;
#[cfg(unix)]
pub(crate) mod watchdog;

use std::any::Any;
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{self, Runtime};
use tokio::sync::{Notify, oneshot};

use crate::api::event::Observer;
use crate::api::hook::StartContext;
use crate::error::BoxError;
use crate::error::escape::escape;
use crate::error::failure::one_line;
use crate::error::panic::caught;
use crate::life::body::host;
use crate::life::emergency::Emergency;
use crate::life::hook_error::HookError;
use crate::life::input::Input;
use crate::life::outcome::Outcome;
use crate::macro_support::entry_spec::EntrySpec;
use crate::plan::environment::{Console, Environment};
use crate::view::admin::Admin;

use crate::life::{BodyLink, Life, Wiring};
use crate::plan::Plan;
use crate::plan::environment::print_format::PrintFormat;
use crate::plan::environment::report_path::ReportPath;
use crate::plan::selection::Parts;
use crate::plan::setup::Setup;
use crate::report::Report;
use crate::view::print;
use crate::view::systemd::Systemd;
use crate::view::{View, say};

/// What the end of the runtime may take.
const BOUND: Duration = Duration::from_millis(100);
/// What the flush of writers may take on the forced path.
const FLUSH: Duration = Duration::from_millis(250);
/// What writing the report may take when the output does not take it.
const REPORT: Duration = Duration::from_millis(500);

/// The stack of the thread `main`: what Linux gives the first one.
const STACK: usize = 8 << 20;

/// The function of `init = setup`.
pub(crate) type Init = fn(&mut Setup) -> Result<(), BoxError>;

/// Leads the life of the app that `spec` describes, with `body` as its main component.
pub fn main<B, F>(spec: EntrySpec, init: Option<Init>, body: B) -> ExitCode
where
    B: FnOnce(StartContext) -> F + Send + 'static,
    F: Future<Output = Result<(), BoxError>> + 'static,
{
    let ended = if print::is_asked() {
        Planned::new(&spec, init)
            .and_then(Planned::print)
            .map(|()| ExitCode::SUCCESS)
    } else {
        own_process(move |systemd| prepare(spec, init, systemd).map(|ready| ready.live(body)))
    };
    ended.unwrap_or_else(|refused| {
        for line in &refused.messages {
            say(&format!("error: {line}"));
        }
        ExitCode::from(refused.code)
    })
}

/// Sets up what makes the deadline hold, and has a thread `main` lead the life, while this one hears signals.
fn own_process(
    lead: impl FnOnce(Systemd) -> Result<ExitCode, Refused> + Send + 'static,
) -> Result<ExitCode, Refused> {
    let systemd = Systemd::capture();
    #[cfg(feature = "axum")]
    crate::sys::inherited::capture();
    watchdog::install()
        .and_then(|()| signals::install())
        .and_then(|()| {
            let main = thread::Builder::new().name("main".into());
            main.stack_size(STACK).spawn(move || lead(systemd))
        })
        .map_err(|error| Refused::no_thread(&error))?
        .join()
        .unwrap_or_else(|panic| resume_unwind(panic))
}

/// Why nothing was started.
struct Refused {
    code: u8,
    messages: Vec<String>,
}

impl Refused {
    fn new(code: u8, message: String) -> Self {
        Self {
            code,
            messages: vec![message],
        }
    }

    fn no_thread(error: &std::io::Error) -> Self {
        Self::new(
            1,
            format!("the threads that the app cannot do without could not be made: {error}"),
        )
    }
}

/// What the set-up and the environment make of the app. Made without any effect but those of the set-up.
struct Planned {
    plan: Plan,
    writers: Vec<Box<dyn Any + Send>>,
    console: Console,
    /// Where probes and metrics are answered.
    admin: Option<SocketAddr>,
    report: Option<ReportPath>,
    print: Option<PrintFormat>,
    /// The variables that set the plan's times.
    given: Vec<(String, Duration)>,
}

/// Everything checked, nothing started.
struct Ready {
    plan: Arc<Plan>,
    view: View,
    observer: Observer,
    admin: Admin,
    runtime: Runtime,
    writers: Vec<Box<dyn Any + Send>>,
}

fn prepare(spec: EntrySpec, init: Option<Init>, systemd: Systemd) -> Result<Ready, Refused> {
    let Planned {
        plan,
        writers,
        console,
        admin,
        report,
        ..
    } = Planned::new(&spec, init)?;
    if let Some(text) = plan.drill.announcement() {
        say(&text);
    }
    let admin = Admin::start(admin, &plan).map_err(|message| Refused::new(1, message))?;
    let view = systemd
        .start(&plan)
        .and_then(|systemd| View::start(&plan, console, report, systemd))
        .map_err(|error| Refused::no_thread(&error))?;
    let observer = admin.beside(view.observer());
    let mut builder = if spec.current_thread {
        runtime::Builder::new_current_thread()
    } else {
        runtime::Builder::new_multi_thread()
    };
    if let Some(threads) = spec.worker_threads {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().build().map_err(|error| {
        Refused::new(
            1,
            format!("the runtime could not be made: {}", one_line(&error)),
        )
    })?;
    Ok(Ready {
        plan: Arc::new(plan),
        view,
        observer,
        admin,
        runtime,
        writers,
    })
}

impl Planned {
    fn new(spec: &EntrySpec, init: Option<Init>) -> Result<Self, Refused> {
        let name = spec.app.map_or(spec.name, |app| app.name);
        let parts = Parts {
            name: name.to_owned(),
            app: spec.app,
            registered: spec.registered,
            environment: Environment::read(),
            ..Parts::default()
        };
        let console = parts.environment.console;
        let admin = parts.environment.admin;
        let report = parts.environment.report.clone();
        let print = parts.environment.print;
        let given = parts.environment.given.clone();
        let mut setup = Setup {
            parts,
            writers: Vec::new(),
        };
        if let Some(init) = init {
            match caught(|| init(&mut setup)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let error = HookError::Failed(error.into());
                    let code = if error.is_config() { 2 } else { 1 };
                    return Err(Refused::new(
                        code,
                        format!(
                            "the set-up failed, nothing was started: {}",
                            error.describe()
                        ),
                    ));
                }
                Err(message) => {
                    let message = escape(&message);
                    return Err(Refused::new(
                        1,
                        format!("the set-up panicked, nothing was started: {message}"),
                    ));
                }
            }
        }
        let plan = Plan::new(setup.parts).map_err(|messages| Refused { code: 2, messages })?;
        Ok(Self {
            plan,
            writers: setup.writers,
            console,
            admin,
            report,
            print,
            given,
        })
    }

    /// In place of living it.
    fn print(self) -> Result<(), Refused> {
        for warning in &self.plan.warnings {
            say(&format!("warning: {warning}"));
        }
        let printed = self.print.map_or(Ok(()), |format| {
            print::print(&self.plan, format, self.given)
        });
        flush(self.writers);
        printed.map_err(|error| {
            let error = one_line(&error);
            Refused::new(1, format!("the plan could not be printed: {error}"))
        })
    }
}

impl Ready {
    fn live<B, F>(self, body: B) -> ExitCode
    where
        B: FnOnce(StartContext) -> F,
        F: Future<Output = Result<(), BoxError>>,
    {
        let Self {
            plan,
            view,
            observer,
            admin,
            runtime,
            writers,
        } = self;
        let (start, is_started) = oneshot::channel();
        let (cut, is_cut) = oneshot::channel();
        let wiring = Wiring {
            runtime: runtime.handle().clone(),
            observer,
            body: Some(BodyLink { start, cut }),
            up: None,
            on_deadline: Box::new(watchdog::arm),
            on_code: Box::new(watchdog::set_code),
        };
        let reserve = plan.limits.emergency;
        let limit = plan.limits.shutdown;
        let (life, handles) = match Life::new(Arc::clone(&plan), wiring) {
            Ok(life) => life,
            Err(error) => {
                say(&format!(
                    "error: the threads of the emergency hooks could not be made: {error}"
                ));
                return ExitCode::FAILURE;
            }
        };
        watchdog::attach(handles.emergency.handle(), reserve, limit);
        // Before anything starts: a signal finds the life from here on.
        signals::attach(handles.events.clone());
        let events = handles.events;
        let drill = Arc::clone(&plan.drill);
        drill.attach(signals::counted);
        let drilled = Arc::clone(&drill);
        admin.attach(&handles.inside, &events);
        // The driver's own panic must not drop what user code made.
        let kept = Kept {
            _made: Box::new((plan, handles.inside)),
            emergency: handles.emergency,
            emergency_news: handles.emergency_news,
        };
        let pings = view.systemd.pings(runtime.handle().clone());
        let (ended, is_ended) = oneshot::channel();
        let handover = Arc::new(Handover::default());
        let from_driver = Arc::clone(&handover);
        let driver = thread::Builder::new()
            .name("lifecycle".into())
            .spawn(move || {
                let report = drive(life.run(), kept, pings);
                let ending = Ending {
                    // Forced after the driver looked last, perhaps.
                    report: report.map(|report| {
                        let report = report.forced_by(watchdog::forced());
                        report.asked_for(drilled.is_on())
                    }),
                    view,
                    admin,
                    flush: Box::new(move || {
                        flush(writers);
                        drilled.conclusion().iter().for_each(|text| say(text));
                    }),
                };
                // Main leaves the runtime, unless user code holds it there.
                from_driver.give(ending, || {
                    let _ = ended.send(());
                })
            });
        if let Err(error) = driver {
            say(&format!(
                "error: the thread of the life could not be made: {error}"
            ));
            return ExitCode::FAILURE;
        }
        let hosted = catch_unwind(AssertUnwindSafe(|| {
            let body = |context| drill.main(body(context));
            runtime.block_on(host(body, is_started, is_cut, &events, is_ended));
        }));
        if hosted.is_err() {
            // The runtime itself has panicked: what is up is still taken down, on the driver's thread.
            let _ = events.send(Input::BodyEnded {
                result: Err(HookError::Panicked("the runtime panicked".to_owned())),
            });
        }
        if catch_unwind(AssertUnwindSafe(|| drop(runtime))).is_ok() {
            handover.take_when_dropped();
        }
        // The driver's thread ends the process.
        park()
    }
}

/// Leads the life on a runtime of its own, which also pings whoever wants to know that it runs.
fn drive(
    life: impl Future<Output = Outcome>,
    kept: Kept,
    pings: impl Future<Output = ()> + Send + 'static,
) -> Option<Report> {
    let outcome = caught(|| {
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        drop(runtime.spawn(pings));
        Ok::<_, std::io::Error>(runtime.block_on(life))
    });
    match outcome {
        Ok(Ok(outcome)) => {
            watchdog::set_code(outcome.exit_code);
            Some(Report::new(outcome))
        }
        Ok(Err(error)) => {
            say(&format!(
                "error: the driver's runtime could not be made: {error}"
            ));
            None
        }
        // That must not leave a healthy-looking zombie: the emergency layer takes over at once.
        Err(message) => {
            watchdog::set_code(1);
            watchdog::expire();
            let message = escape(&message);
            say(&format!(
                "error: the driver panicked ({message}); the emergency hooks are called and the process ends. Unless \
                 something has closed descriptors of the runtime, this is a bug in `lifecycle`"
            ));
            kept.await_emergency();
            signal_hook::low_level::exit(watchdog::forced().map_or(1, |signal| 128 + signal))
        }
    }
}

/// What must outlive a driver that panics: what user code made, and how its emergency hooks get on.
struct Kept {
    _made: Box<dyn Any + Send>,
    emergency: Emergency,
    emergency_news: Arc<Notify>,
}

impl Kept {
    /// Returns when all hooks are through. The watchdog ends the process if they never are.
    fn await_emergency(&self) {
        if let Ok(runtime) = runtime::Builder::new_current_thread().build() {
            runtime.block_on(async {
                while !self.emergency.is_over() {
                    self.emergency_news.notified().await;
                }
            });
        }
    }
}

/// What is left to do when the life has ended. Whoever comes to it last does it, and hands it over to nobody: as a rule
/// main, which has dropped the runtime; the driver's thread where user code holds main up.
struct Ending {
    report: Option<Report>,
    view: View,
    admin: Admin,
    flush: Box<dyn FnOnce() + Send>,
}

/// How the app's runtime has ended.
#[derive(Clone, Copy)]
enum EndOfRuntime {
    Dropped,
    /// It was not dropped within this time.
    LeftBehind(Duration),
    /// There is no time to drop it.
    Forced,
}

/// From the driver's thread to main, or back.
#[derive(Default)]
struct Handover {
    ending: Mutex<Option<Ending>>,
    dropped: AtomicBool,
}

impl Handover {
    /// By the driver's thread. `tell` has main drop the runtime.
    fn give(&self, ending: Ending, tell: impl FnOnce()) -> ! {
        if ending.code() > 128 {
            ending.end(EndOfRuntime::Forced);
        }
        *self.lock() = Some(ending);
        tell();
        // Most of what is left is kept for the report and the buffers.
        let bound = BOUND.min(watchdog::left().map_or(BOUND, |left| left / 4));
        // Main may have dropped it before there was anything to take.
        if !self.dropped.load(SeqCst) {
            thread::sleep(bound);
        }
        let end = if self.dropped.load(SeqCst) {
            EndOfRuntime::Dropped
        } else {
            EndOfRuntime::LeftBehind(bound)
        };
        self.take(end);
        park()
    }

    /// By main.
    fn take_when_dropped(&self) {
        self.dropped.store(true, SeqCst);
        self.take(EndOfRuntime::Dropped);
    }

    /// Ends the process, where the other one has not begun to.
    fn take(&self, runtime: EndOfRuntime) {
        let ending = self.lock().take();
        if let Some(ending) = ending {
            ending.end(runtime);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ending>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody else ends the process.
fn park() -> ! {
    loop {
        thread::park();
    }
}

impl Ending {
    fn code(&self) -> i32 {
        self.report.as_ref().map_or(1, Report::exit_code)
    }

    /// Ends the process when all is written.
    fn end(self, runtime: EndOfRuntime) -> ! {
        let code = self.code();
        let Self {
            report,
            view,
            admin,
            flush,
        } = self;
        if let Some(mut report) = report {
            if let EndOfRuntime::LeftBehind(bound) = runtime {
                report.abandon_runtime(bound);
            }
            let farewell = admin.finish(&report);
            let is_last = view.is_last() && farewell.is_none();
            let finishing = view.finish(report, move || {
                flush();
                if is_last {
                    leave(code, runtime);
                }
            });
            let left = watchdog::left().unwrap_or(BOUND);
            let left = match runtime {
                EndOfRuntime::Forced => FLUSH.min(left),
                EndOfRuntime::Dropped | EndOfRuntime::LeftBehind(_) => left,
            };
            let begun = Instant::now();
            finishing.wait(REPORT, left);
            farewell.wait(left.saturating_sub(begun.elapsed()));
        }
        leave(code, runtime)
    }
}

/// The end of the process.
fn leave(code: i32, runtime: EndOfRuntime) -> ! {
    // An abort in the last moment is none the less one.
    let code = watchdog::forced().map_or(code, |signal| 128 + signal);
    match runtime {
        EndOfRuntime::Dropped => std::process::exit(code),
        // User code may still run, and needs what handlers of `exit` take down: so does a thread that is reporting that
        // its stack is full.
        EndOfRuntime::LeftBehind(_) | EndOfRuntime::Forced => signal_hook::low_level::exit(code),
    }
}

/// The last thing: everything that is buffered.
fn flush(writers: Vec<Box<dyn Any + Send>>) {
    for writer in writers {
        let _ = caught(|| drop(writer));
    }
    let _ = std::io::stdout().flush();
}

#[cfg(test)]
mod tests;
