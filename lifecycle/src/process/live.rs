//! [`Ready::live`]: leads the life, with its driver on a thread and a small runtime of its own.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use tokio::runtime::{self, Runtime};
use tokio::sync::{Notify, mpsc, oneshot};

use super::handover::{Ending, Handover, park};
use super::writers::{Writers, flush};
use super::{signals, user_exit, watchdog};
use crate::api::event::Observer;
use crate::api::hook::StartContext;
use crate::error::BoxError;
use crate::error::escape::escape;
use crate::error::panic::caught;
use crate::life::body::host;
use crate::life::emergency::Emergency;
use crate::life::hook_error::HookError;
use crate::life::input::Input;
use crate::life::outcome::Outcome;
use crate::life::{BodyLink, Handles, Life, Wiring};
use crate::plan::Plan;
use crate::report::Report;
use crate::view::View;
use crate::view::admin::Admin;
use crate::view::stderr::write_line;

/// An app with everything checked and nothing started.
pub(super) struct Ready {
    pub(super) plan: Arc<Plan>,
    pub(super) view: View,
    pub(super) observer: Observer,
    pub(super) admin: Admin,
    pub(super) runtime: Runtime,
    pub(super) writers: Writers,
}

impl Ready {
    /// Leads the life, with `body` as main's body. Returns only where the life could not begin; otherwise the process ends
    /// in [`Handover`].
    pub(super) fn live<B, F>(self, body: B) -> ExitCode
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
        let (abort, is_aborted) = oneshot::channel();
        let wiring = Wiring {
            runtime: runtime.handle().clone(),
            observer: user_exit::registered_when_up(observer),
            body: Some(BodyLink { start, abort }),
            up: None,
            on_deadline: Box::new(watchdog::arm),
            on_code: Box::new(watchdog::set_code),
        };
        let (life, handles) = match Life::new(Arc::clone(&plan), wiring) {
            Ok(life) => life,
            Err(error) => {
                write_line(&format!(
                    "error: the threads of the emergency hooks could not be made: {error}"
                ));
                return ExitCode::FAILURE;
            }
        };
        attach(&plan, &handles, &admin);
        let events = handles.events;
        let drill = Arc::clone(&plan.drill);
        let drilled = Arc::clone(&drill);
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
                user_exit::life_has_ended(report.as_ref().map_or(1, Report::exit_code));
                let ending = Ending {
                    // A signal may have forced the end after the driver looked last.
                    report: report.map(|report| {
                        let report = report.forced_by(watchdog::forced());
                        report.asked_for(drilled.is_on())
                    }),
                    view,
                    admin,
                    flush: Box::new(move || {
                        flush(writers);
                        drilled
                            .conclusion()
                            .iter()
                            .for_each(|text| write_line(text));
                    }),
                };
                // Main leaves `host` then, unless user code holds it there.
                from_driver.give(ending, || {
                    let _ = ended.send(());
                })
            });
        if let Err(error) = driver {
            write_line(&format!(
                "error: the thread of the life could not be made: {error}"
            ));
            return ExitCode::FAILURE;
        }
        let body = |context| drill.main(body(context));
        host_body(
            &runtime,
            host(body, is_started, is_aborted, &events, is_ended),
            &events,
        );
        // Where that panics, threads of the runtime may still run: then the driver's thread ends the process, as it does
        // when the runtime is not dropped in time.
        if catch_unwind(AssertUnwindSafe(|| drop(runtime))).is_ok() {
            handover.take_when_dropped();
        }
        park()
    }
}

/// Lets everything outside of the driver reach the life. Before anything starts: from here on a signal finds the life.
fn attach(plan: &Plan, handles: &Handles, admin: &Admin) {
    let limits = plan.limits;
    // The watchdog first: the signal that finds the life fixes a deadline there.
    watchdog::attach(
        handles.emergency.handle(),
        limits.emergency,
        limits.shutdown,
    );
    user_exit::attach(
        handles.events.clone(),
        Arc::clone(&handles.inside.instances),
    );
    signals::attach(handles.events.clone());
    plan.drill.attach(signals::counted);
    admin.attach(&handles.inside, &handles.events);
}

/// Runs main's body on the app's runtime, until the life has ended.
fn host_body<T>(
    runtime: &Runtime,
    host: impl Future<Output = T>,
    events: &mpsc::UnboundedSender<Input>,
) {
    let hosted = catch_unwind(AssertUnwindSafe(|| drop(runtime.block_on(host))));
    if hosted.is_err() {
        // The runtime itself has panicked: what is up is still taken down, on the driver's thread.
        let _ = events.send(Input::BodyEnded {
            result: Err(HookError::Panicked("the runtime panicked".to_owned())),
        });
    }
}

/// Leads the life on a runtime of its own, which also runs `pings`, so that those stop when the driver does.
pub(super) fn drive(
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
            write_line(&format!(
                "error: the driver's runtime could not be made: {error}"
            ));
            None
        }
        // That must not leave a healthy-looking zombie: the emergency layer takes over at once.
        Err(message) => {
            watchdog::set_code(1);
            watchdog::expire();
            let message = escape(&message);
            write_line(&format!(
                "error: the driver panicked ({message}); the emergency hooks are called and the process ends. Unless \
                 something has closed descriptors of the runtime, this is a bug in `lifecycle`"
            ));
            kept.await_emergency();
            watchdog::end(1)
        }
    }
}

/// What must outlive a driver that panics: what user code made, and how its emergency hooks get on.
pub(super) struct Kept {
    pub(super) _made: Box<dyn Any + Send>,
    pub(super) emergency: Emergency,
    pub(super) emergency_news: Arc<Notify>,
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
