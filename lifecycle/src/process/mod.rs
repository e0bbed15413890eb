//! `main`: owns the process, from the first line to the exit code.
//!
//! The order matters: watchdog and signals come before anything else, the runtime after the plan, the driver of the life
//! on a thread and a small runtime of its own, so that it goes on when user code blocks every thread of the app's. Only
//! where the plan is printed, and not lived, is there none of it.
//!
//! | thread | |
//! | --- | --- |
//! | the process's first one | waits: it is the one that gets signals |
//! | `main` | plans, then hosts main's body and drops the app's runtime (`live`) |
//! | `lifecycle` | the driver of the life (`live`) |
//! | `lifecycle-watchdog` | makes the deadline hold (`watchdog`) |
//! | `lifecycle-signals` | passes on what the handlers stored (`signals`) |
//!
//! The kernel gives a signal to the first thread as long as that does not mask it, and a thread that works may not take one
//! for long: in uninterruptible I/O, or in the queue for the memory map while hundreds of threads are made. So that thread
//! only waits. Main and the driver agree in `handover` on which of them ends the process.

mod handover;
mod live;
mod planned;
#[cfg(unix)]
pub(crate) mod signals;
#[cfg(test)]
mod tests;
mod user_exit;
#[cfg(unix)]
pub(crate) mod watchdog;
mod writers;

use std::future::Future;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use tokio::runtime;

use self::live::Ready;
pub(crate) use self::planned::Init;
use self::planned::{Planned, Refused};
use crate::api::hook::StartContext;
use crate::error::BoxError;
use crate::error::failure::one_line;
use crate::macro_support::EntrySpec;
use crate::sys;
use crate::view::admin::Admin;
use crate::view::stderr::write_line;
use crate::view::systemd::Systemd;
use crate::view::{View, print};

/// The stack of the thread `main`: what Linux gives the first one.
const STACK: usize = 8 << 20;

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
            write_line(&format!("error: {line}"));
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
    sys::inherited::capture();
    sys::fork::claim()
        .and_then(|()| watchdog::install())
        .and_then(|()| signals::install())
        .and_then(|()| {
            let main = thread::Builder::new().name("main".into());
            main.stack_size(STACK).spawn(move || lead(systemd))
        })
        .map_err(|error| Refused::no_thread(&error))?
        .join()
        .unwrap_or_else(|panic| resume_unwind(panic))
}

fn prepare(spec: EntrySpec, init: Option<Init>, systemd: Systemd) -> Result<Ready, Refused> {
    let Planned {
        plan,
        writers,
        observers,
        console,
        admin,
        report,
        ..
    } = Planned::new(&spec, init)?;
    if let Some(text) = plan.drill.announcement() {
        write_line(&text);
    }
    let admin = Admin::start(admin, &plan).map_err(|message| Refused::new(1, message))?;
    let view = systemd
        .start(&plan)
        .and_then(|systemd| View::start(&plan, console, report, systemd, observers))
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
    // Tasks of user code may fork, too. A thread of the runtime comes here after any of them.
    let refuse_daemon = || sys::fork::refuse_daemon(|| "a task".to_owned());
    builder.on_thread_park(refuse_daemon);
    builder.on_thread_stop(refuse_daemon);
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
