//! One life for an application that always ends well.

mod admit;
mod app;
mod background;
mod budget;
mod check;
mod builder;
mod duration;
mod emergency;
mod entry;
mod environment;
mod error;
mod glue;
mod graph;
mod hook;
mod life;
mod names;
mod plan;
mod reason;
mod record;
mod registry;
mod report;
mod resource;
mod process;
mod scope;
mod settings;
mod setup;
mod shutdown;
#[cfg(unix)]
mod signals;
mod sys;
mod tasks;
mod text;
mod test;
mod threads;
mod view;
#[cfg(unix)]
mod watchdog;

pub use admit::{Draining, InFlight};
pub use app::App;
pub use background::{Ready, Worker};
pub use builder::{Builder, Lifecycle, NotUp, Running};
pub use error::{ConfigError, StartError, is_disconnect};
pub use hook::{BoxError, Hook, StartContext, Stopped};
pub use inventory;
pub use lifecycle_macros::{App, background, main, resource, test};
pub use life::outcome::Layer;
pub use reason::Reason;
pub use record::{HookKind, Need, Record};
pub use report::{ComponentReport, Report};
pub use resource::{Provided, Resource};
pub use settings::Settings;
pub use setup::Setup;
pub use shutdown::{Shutdown, Slept};
pub use sys::RecordRef;
pub use tasks::{Task, TaskError, Tasks};

/// What expansions of the macros name. Outside semantic versioning: it changes whenever the macros do.
#[doc(hidden)]
pub mod __private {
    pub use crate::app::{App, AppRecord};
    pub use crate::background::{OnEnd, Policy, Ready, Restart, Worker};
    pub use crate::builder::Builder;
    pub use crate::check::{Verdict, check_app, check_edge, check_one_app};
    pub use crate::entry::{ByApp, EntryParameter, EntrySpec};
    pub use crate::glue::{EntrySlot, Exactly, Field, Judged, Slot, StopOutcome, judged};
    pub use crate::hook::{BoxError, Hook, Instance, Outcome, Parameter, StartContext, Stopped};
    pub use crate::process::main;
    pub use crate::record::{Binding, HookKind, Need, Record};
    pub use crate::registry::Registration;
    pub use crate::resource::{Provided, Resource};
    pub use crate::settings::Settings;
    pub use crate::setup::Setup;
    pub use crate::sys::RecordRef;
    pub use crate::test::test;
    pub use ::inventory;
}
