//! [`Planned`]: what the set-up and the environment make of the app, before anything is started.

use std::net::SocketAddr;
use std::time::Duration;

use super::writers::{Writers, flush};
use crate::api::event::UserObserver;
use crate::error::BoxError;
use crate::error::escape::escape;
use crate::error::failure::one_line;
use crate::error::panic::caught;
use crate::life::hook_error::HookError;
use crate::macro_support::EntrySpec;
use crate::plan::Plan;
use crate::plan::environment::print_format::PrintFormat;
use crate::plan::environment::report_path::ReportPath;
use crate::plan::environment::{Console, Environment};
use crate::plan::selection::Parts;
use crate::plan::setup::Setup;
use crate::sys;
use crate::view::print;
use crate::view::stderr::write_line;

/// The function of `init = setup`.
pub(crate) type Init = fn(&mut Setup) -> Result<(), BoxError>;

/// Why nothing was started.
pub(super) struct Refused {
    pub(super) code: u8,
    pub(super) messages: Vec<String>,
}

impl Refused {
    pub(super) fn new(code: u8, message: String) -> Self {
        Self {
            code,
            messages: vec![message],
        }
    }

    pub(super) fn no_thread(error: &std::io::Error) -> Self {
        Self::new(
            1,
            format!("the threads that the app cannot do without could not be made: {error}"),
        )
    }
}

/// What the set-up and the environment make of the app. To make it has no effects but those of the set-up.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) writers: Writers,
    pub(super) observers: Vec<UserObserver>,
    pub(super) console: Console,
    /// The address that answers probes and metrics.
    pub(super) admin: Option<SocketAddr>,
    pub(super) report: Option<ReportPath>,
    print: Option<PrintFormat>,
    /// The variables that set the plan's times.
    given: Vec<(String, Duration)>,
}

impl Planned {
    pub(super) fn new(spec: &EntrySpec, init: Option<Init>) -> Result<Self, Refused> {
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
            observers: Vec::new(),
        };
        if let Some(init) = init {
            let result = caught(|| init(&mut setup));
            sys::fork::refuse_daemon(|| "`init`".to_owned());
            match result {
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
            observers: setup.observers,
            console,
            admin,
            report,
            print,
            given,
        })
    }

    /// Prints the plan instead of running it.
    pub(super) fn print(self) -> Result<(), Refused> {
        for warning in &self.plan.warnings {
            write_line(&format!("warning: {warning}"));
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
