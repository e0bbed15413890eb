//! Errors: those of the public API, and what the framework makes of errors and panics of user code.

mod chain;
pub(crate) mod described;
pub(crate) mod escape;
pub(crate) mod failure;
pub(crate) mod panic;
mod public;

pub use chain::is_disconnect;
pub use public::{BoxError, ConfigError, Draining, TaskError};
