//! [`AppRequest`]: what a handle asks of the whole app.

use std::sync::Arc;

use crate::error::failure::Failure;

/// What a handle asks of the whole app, with the name of the scope that asks where that matters.
pub(crate) enum AppRequest {
    /// Stop.
    Stop,
    /// Stop because of this failure.
    Fail(Arc<str>, Failure),
    /// Go on, but report that a task, a save or a request panicked.
    ReportPanic {
        scope: Arc<str>,
        task: String,
        error: String,
    },
}
