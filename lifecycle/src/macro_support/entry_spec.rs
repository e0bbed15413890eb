//! What the expansions of `main` and `test` say.

use super::parameter::Handle;
use crate::api::app::{App, AppRecord};
use crate::api::hook::StartContext;
use crate::api::shutdown::Shutdown;

/// What the attribute of a `main` or a test says.
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
    /// A multi-threaded runtime, everything that is registered, and the app among the parameters.
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
    /// `flavor = "current_thread"`.
    #[must_use]
    pub const fn current_thread(mut self) -> Self {
        self.current_thread = true;
        self
    }
    /// `worker_threads = n`.
    #[must_use]
    pub const fn worker_threads(mut self, threads: usize) -> Self {
        self.worker_threads = Some(threads);
        self
    }
    /// `registered = false`: only the app's graph and its `background` list.
    #[must_use]
    pub const fn unregistered(mut self) -> Self {
        self.registered = false;
        self
    }
    /// `start_paused = true`, for tests: the clock stands still and jumps to the next timer.
    #[must_use]
    pub const fn start_paused(mut self) -> Self {
        self.start_paused = true;
        self
    }
}

/// What may stand in the parameters of `main` and of a test: an [`App`], and [`Shutdown`]. `M` is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter here",
    label = "neither an app nor `Shutdown`",
    note = "allowed are a type with `#[derive(App)]`, and `lifecycle::Shutdown`"
)]
pub trait EntryParameter<M>: Sized {
    /// The app, where it is one.
    const APP: Option<AppRecord>;
    /// The value to hand over.
    fn take(context: &StartContext) -> Self;
}

/// [`EntryParameter`] of an app.
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
