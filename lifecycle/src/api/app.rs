//! [`App`]: the app's state, and what is proved of it at compile time.

use crate::api::hook::StartContext;
use crate::api::record::Need;
use crate::api::record::RecordRef;
use crate::api::settings::Settings;

/// The app's state: a struct of `Arc<T>` fields that are what the app wants handed to it. Derive it; see
/// [`derive(App)`](macro@crate::App).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an app",
    label = "not an app",
    note = "derive it: `#[derive(App)]` on a struct of `Arc<T>` fields"
)]
pub trait App: Sized + Send + 'static {
    /// What is statically known of it.
    const RECORD: AppRecord;
    /// The fields, taken from what has been started.
    fn assemble(context: &StartContext) -> Self;
}

/// What is statically known of an app.
#[derive(Debug, Clone, Copy)]
pub struct AppRecord {
    pub(crate) name: &'static str,
    pub(crate) settings: Settings,
    pub(crate) fields: &'static [Need],
    pub(crate) workers: &'static [RecordRef],
    /// Names, or paths as written: not resolved, since naming a crate in code would link it.
    pub(crate) expect: &'static [&'static str],
}

impl AppRecord {
    /// An app of that name, with what its attribute and fields say.
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
}
