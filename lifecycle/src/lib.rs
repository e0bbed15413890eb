//! One life for an application that always ends well.

mod app;
mod background;
mod entry;
mod hook;
mod record;
mod registry;
mod resource;
mod scope;
mod settings;
mod shutdown;
mod sys;
mod tasks;

pub use app::App;
pub use background::Ready;
pub use entry::Setup;
pub use hook::{BoxError, Hook, StartContext, Stopped};
pub use inventory;
pub use record::{HookKind, Need, Record};
pub use resource::Resource;
pub use settings::Settings;
pub use shutdown::Shutdown;
pub use sys::RecordRef;
pub use tasks::Tasks;

/// What expansions of the macros name. Outside semantic versioning: it changes whenever the macros do.
#[doc(hidden)]
pub mod __private {
    pub use crate::app::{App, AppRecord};
    pub use crate::background::{OnEnd, Policy, Ready, Restart, Worker};
    pub use crate::entry::{ByApp, EntryParameter, EntrySpec, Setup, main};
    pub use crate::hook::{BoxError, Hook, Instance, Outcome, Parameter, StartContext, Stopped};
    pub use crate::record::{Binding, HookKind, Need, Record};
    pub use crate::registry::Registration;
    pub use crate::resource::{Bound, Provided, Resource};
    pub use crate::settings::Settings;
    pub use crate::sys::RecordRef;
    pub use ::inventory;
}
