//! [`Reason`]: why the app stops.

use std::fmt;
use std::sync::Arc;

use crate::error::escape::escape;

/// Why the app stops: the first cause, which later ones do not replace.
///
/// ```
/// use lifecycle::{Reason, Shutdown};
///
/// /// Whether to say goodbye to somebody who waits at the terminal.
/// fn somebody_waits(shutdown: &Shutdown) -> bool {
///     matches!(shutdown.reason(), Some(Reason::Signal(2)))
/// }
///
/// assert_eq!(Reason::Signal(15).to_string(), "SIGTERM");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A signal, by its number.
    Signal(i32),
    /// [`Shutdown::request`](crate::Shutdown::request) or [`Running::stop`](crate::Running::stop).
    Requested,
    /// The component of that name failed, in its start or while it ran.
    Failed(Arc<str>),
    /// The body of `main` returned.
    MainReturned,
    /// The worker of that name ended and has `on_finish = "shutdown"`.
    Finished(Arc<str>),
    /// The whole startup took longer than `startup_timeout`.
    StartupTimeout,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(number) => f.write_str(signal_name(*number)),
            Self::Requested => f.write_str("asked to stop"),
            Self::Failed(name) => write!(f, "`{}` failed", escape(name)),
            Self::MainReturned => f.write_str("main returned"),
            Self::Finished(name) => write!(f, "`{}` finished", escape(name)),
            Self::StartupTimeout => f.write_str("the startup took too long"),
        }
    }
}

/// The name of a signal that the framework handles.
pub(crate) fn signal_name(number: i32) -> &'static str {
    match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        6 => "SIGABRT",
        15 => "SIGTERM",
        _ => "a signal",
    }
}
