//! [`BackgroundWorker`]: a function annotated with `#[background]`, as a type.

use crate::api::record::RecordRef;
use crate::api::sealed::Sealed;

/// A background worker: a function annotated with [`#[background]`](macro@crate::background), as a type.
///
/// The macro declares an empty type of the function's name beside the function and implements this trait for it, so that
/// `background = [serve]` and [`Builder::background_worker::<serve>()`](crate::Builder::background_worker) can name the
/// worker. The trait is sealed: only the macro implements it.
///
/// ```
/// use lifecycle::{BackgroundWorker, Shutdown, background};
///
/// #[background]
/// async fn serve(shutdown: Shutdown) {
///     shutdown.requested().await;
/// }
///
/// /// Adds any annotated worker to a builder.
/// fn with<W: BackgroundWorker>(builder: lifecycle::Builder) -> lifecycle::Builder {
///     builder.background_worker::<W>()
/// }
///
/// let builder = with::<serve>(lifecycle::Lifecycle::builder());
/// # drop(builder);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a background worker",
    label = "not a background worker",
    note = "annotate the function with `#[background]`"
)]
pub trait BackgroundWorker: 'static {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The static record of the worker: its name, its limits, and what its function takes.
    const RECORD: RecordRef;
}
