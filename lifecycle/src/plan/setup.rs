//! [`Setup`]: what `init = setup` may do before the graph is checked.

use std::any::Any;
use std::fmt;

use crate::api::settings::Settings;
use crate::plan::selection::{Parts, Provision};

/// What the `init` function of [`main`](macro@crate::main) is handed: it runs before the graph is checked and before
/// anything starts.
///
/// ```
/// use lifecycle::Setup;
///
/// struct Args { mode: String }
///
/// fn setup(setup: &mut Setup) {
///     let args = Args { mode: std::env::args().nth(1).unwrap_or_default() };
///     if args.mode == "console" {
///         setup.disable("serve");
///     }
///     setup.provide(args);
/// }
/// ```
pub struct Setup {
    pub(crate) parts: Parts,
    pub(crate) writers: Vec<Box<dyn Any + Send>>,
}

impl Setup {
    /// An instance in place of starting its type; it is not stopped. An `Arc<dyn Trait>` stands for what is bound `as`
    /// that trait.
    pub fn provide<T: Send + Sync + 'static>(&mut self, value: T) {
        self.parts.provided.push(Provision::new(value));
    }

    /// Leaves out the component of that name. What needs it must be left out too, or provided.
    pub fn disable(&mut self, name: impl Into<String>) {
        self.parts.disabled.push(name.into());
    }

    /// Time limits; they beat the app's attribute, and the environment beats them.
    pub fn settings(&mut self, settings: Settings) {
        self.parts.settings = settings.or(self.parts.settings);
    }

    /// Keeps the guard of a buffered writer and drops it last, after the report: on a clean end within what is left of
    /// the deadline, on a forced one within a quarter of a second.
    pub fn flush_at_exit(&mut self, writer_guard: impl Any + Send) {
        self.writers.push(Box::new(writer_guard));
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("app", &self.parts.name)
            .finish_non_exhaustive()
    }
}
