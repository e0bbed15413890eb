//! [`EntrySpec`]: what the attribute and the parameters of a `main` or a test say.

use super::parameter::Handle;
use crate::api::app::{App, AppRecord};
use crate::api::hook::StartContext;
use crate::api::shutdown::Shutdown;

/// What the attribute and the parameters of a `main` or a test say.
#[derive(Debug, Clone, Copy)]
pub struct EntrySpec {
    pub(crate) name: &'static str,
    pub(crate) current_thread: bool,
    pub(crate) worker_threads: Option<usize>,
    pub(crate) registered: bool,
    pub(crate) start_paused: bool,
    pub(crate) app: Option<AppRecord>,
}

impl EntrySpec {
    /// Describes an entry with a multi-threaded runtime, all registered components, and the app among the parameters.
    #[must_use]
    pub const fn new(name: &'static str, parameters: &[Option<AppRecord>]) -> Self {
        let mut app = None;
        let mut i = 0;
        while i < parameters.len() {
            if parameters[i].is_some() {
                app = parameters[i];
            }
            i += 1;
        }
        Self {
            name,
            current_thread: false,
            worker_threads: None,
            registered: true,
            start_paused: false,
            app,
        }
    }
    /// Sets `flavor = "current_thread"`.
    #[must_use]
    pub const fn current_thread(mut self) -> Self {
        self.current_thread = true;
        self
    }
    /// Sets `worker_threads = n`.
    #[must_use]
    pub const fn worker_threads(mut self, threads: usize) -> Self {
        self.worker_threads = Some(threads);
        self
    }
    /// Sets `registered = false`: only the app's graph and its `background` list are started.
    #[must_use]
    pub const fn unregistered(mut self) -> Self {
        self.registered = false;
        self
    }
    /// Sets `start_paused = true`, for tests: the clock is paused and advances to the next timer when all tasks wait.
    #[must_use]
    pub const fn start_paused(mut self) -> Self {
        self.start_paused = true;
        self
    }
}

/// The type of a parameter of `main` or of a test: an [`App`], or [`Shutdown`]. `M` is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter here",
    label = "neither an app nor `Shutdown`",
    note = "allowed are a type with `#[derive(App)]`, and `lifecycle::Shutdown`",
    note = "for a resource, add a field to the app: `db: Arc<Database>`"
)]
pub trait EntryParameter<M>: Sized {
    /// The record of the app, if the parameter is one.
    const APP: Option<AppRecord>;
    /// Takes the argument from the context.
    fn take(context: &StartContext) -> Self;
}

/// Marks the implementation of [`EntryParameter`] for apps.
#[derive(Debug)]
pub struct ByApp;

impl<A: App> EntryParameter<ByApp> for A {
    const APP: Option<AppRecord> = Some(A::RECORD);
    fn take(context: &StartContext) -> Self {
        A::assemble(context)
    }
}

impl EntryParameter<Handle> for Shutdown {
    const APP: Option<AppRecord> = None;
    fn take(context: &StartContext) -> Self {
        context.shutdown()
    }
}
