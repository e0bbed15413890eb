//! [`App`]: the app's state, and what the compiler proves of it.

use crate::api::hook::StartContext;
use crate::api::record::Need;
use crate::api::record::RecordRef;
use crate::api::sealed::Sealed;
use crate::api::settings::Settings;

/// The app's state: a struct of `Arc<T>` fields, which `main` or a test receives once everything is up.
///
/// The trait is sealed: only [`derive(App)`](macro@crate::App) implements it. The derive also proves the app's dependencies,
/// orders and time limits at compile time.
///
/// ```
/// use std::sync::Arc;
/// use lifecycle::{App, resource};
///
/// struct Clock;
///
/// #[resource]
/// impl Clock {
///     fn start() -> Self {
///         Clock
///     }
/// }
///
/// #[derive(App)]
/// #[app(shutdown_timeout = "30s")]
/// struct Agent {
///     clock: Arc<Clock>,
/// }
///
/// assert_eq!(<Agent as App>::RECORD.name(), "Agent");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an app",
    label = "not an app",
    note = "derive it: `#[derive(App)]` on a struct of `Arc<T>` fields"
)]
pub trait App: Sized + Send + 'static {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The static record of the app: its name, its settings, its fields, and its workers.
    const RECORD: AppRecord;

    /// Assembles the app from the resources that have been started.
    ///
    /// # Panics
    ///
    /// Panics if the context lacks one of the app's fields, which the framework never passes.
    fn assemble(context: &StartContext) -> Self;
}

/// The static record of an [`App`]: what its derive and its attribute say.
///
/// The derive writes it as a constant, so that the compiler can walk the app's components. Its layout is private.
#[derive(Debug, Clone, Copy)]
pub struct AppRecord {
    pub(crate) name: &'static str,
    pub(crate) settings: Settings,
    pub(crate) fields: &'static [Need],
    pub(crate) workers: &'static [RecordRef],
    /// Names, or paths as written. Paths are not resolved, since naming a crate in code would link it.
    pub(crate) expect: &'static [&'static str],
}

impl AppRecord {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        name: &'static str,
        settings: Settings,
        fields: &'static [Need],
        workers: &'static [RecordRef],
        expect: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            settings,
            fields,
            workers,
            expect,
        }
    }

    /// Returns the name of the app: that of the struct.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the time limits that the app's attribute sets.
    pub const fn settings(&self) -> Settings {
        self.settings
    }
}
