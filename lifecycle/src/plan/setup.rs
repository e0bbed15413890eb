//! [`Setup`]: what `init = setup` may do before the graph is checked.

use std::any::Any;
use std::fmt;

use crate::api::event::{Event, UserObserver};
use crate::api::settings::Settings;
use crate::plan::selection::{Parts, Provision};

/// The argument of the `init` function of [`main`](macro@crate::main).
///
/// `init` runs on the thread `main`, before the graph is checked and before anything starts, and also if the plan is
/// only printed. If it returns an error or panics, nothing starts, and the process ends with exit code 1, or 2 for a
/// [`ConfigError`](crate::ConfigError).
///
/// # Examples
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
    pub(crate) observers: Vec<UserObserver>,
}

impl Setup {
    /// Provides an instance in place of starting its type. It is not stopped, and has no events and no line in the
    /// report.
    ///
    /// An `Arc<dyn Trait>` stands for the resource that is bound `as` that trait. A value that nothing takes is a
    /// [`Warning`](crate::EventKind::Warning).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::path::PathBuf;
    ///
    /// use lifecycle::{Setup, resource};
    ///
    /// struct DataFolder(PathBuf);
    ///
    /// #[resource]
    /// impl DataFolder {
    ///     fn start() -> Self {
    ///         Self("/var/lib/app".into())
    ///     }
    /// }
    ///
    /// fn setup(setup: &mut Setup) {
    ///     if let Some(folder) = std::env::args_os().nth(1) {
    ///         setup.provide(DataFolder(folder.into()));
    ///     }
    /// }
    /// ```
    pub fn provide<T: Send + Sync + 'static>(&mut self, value: T) {
        self.parts.provided.push(Provision::new(value));
    }

    /// Disables the component of that name. Everything that needs it must be disabled as well, or it must be provided.
    ///
    /// A name that no component has is refused with exit code 2, before anything starts.
    pub fn disable(&mut self, name: impl Into<String>) {
        self.parts.disabled.push(name.into());
    }

    /// Sets time limits. They take precedence over the app's attribute, and the environment takes precedence over them.
    ///
    /// A limit that is not set keeps the value of an earlier call, of the attribute, or the default.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lifecycle::{Settings, Setup};
    ///
    /// fn setup(setup: &mut Setup) {
    ///     setup.settings(Settings::default().shutdown_timeout(Duration::from_secs(10)));
    /// }
    /// ```
    pub fn settings(&mut self, settings: Settings) {
        self.parts.settings = settings.or(self.parts.settings);
    }

    /// Adds an observer, which is called with each [`Event`] of the life, in order. Several may be added; each gets all
    /// events.
    ///
    /// An observer has a thread of its own, which exists only if there is one. It is never called by the thread that
    /// drives the life, nor under a lock, so that it may block, and cannot hold up or break the life:
    ///
    /// - An observer that panics is dropped. The panic is reported once, as a warning on the console or the log.
    /// - An observer that is slow gets its events late. 65,536 of them wait at most; beyond that the oldest are
    ///   dropped, and it gets [`Lagged`](crate::EventKind::Lagged) with their number in their place.
    /// - Before the process ends, all events are delivered, [`Ended`](crate::EventKind::Ended) included, and the
    ///   observer is dropped. The process waits for this within the time that remains until the deadline, or for a
    ///   quarter of a second if it was forced to end, and no longer than a second for a call that does not return.
    ///   Writers of [`flush_at_exit`](Self::flush_at_exit) are flushed after that.
    ///
    /// Observers are not called if the app is refused before it starts, or if the plan is only printed.
    ///
    /// # Examples
    ///
    /// ```
    /// use lifecycle::{Event, EventKind, Setup};
    ///
    /// fn setup(setup: &mut Setup) {
    ///     setup.observe(|event: &Event| {
    ///         if let EventKind::Failed { name, error, .. } = event.kind() {
    ///             eprintln!("page the operator: {name}: {error}");
    ///         }
    ///     });
    /// }
    /// ```
    pub fn observe(&mut self, observer: impl FnMut(&Event) + Send + 'static) {
        self.observers.push(Box::new(observer));
    }

    /// Keeps the guard of a buffered writer, and drops it last, after the report.
    ///
    /// Its destructor has the time that remains until the deadline after a graceful stop, and a quarter of a second
    /// after a forced one. A destructor that panics is ignored.
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
