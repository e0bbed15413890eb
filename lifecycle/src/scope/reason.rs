//! [`Reason`]: why the app stops.

use std::fmt;
use std::sync::Arc;

use crate::error::escape::escape;

/// Why the app stops: the first cause. Later causes do not replace it.
///
/// [`Shutdown::reason`](crate::Shutdown::reason) returns it while the app stops, [`Report::reason`](crate::Report::reason)
/// afterwards. Its [`Display`](fmt::Display) form is the one of the console and the log.
///
/// ```
/// use lifecycle::{Reason, Shutdown};
///
/// /// Whether the app was stopped by Ctrl+C.
/// fn is_interactive(shutdown: &Shutdown) -> bool {
///     matches!(shutdown.reason(), Some(Reason::Signal(2)))
/// }
///
/// assert_eq!(Reason::Signal(15).to_string(), "SIGTERM");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The process received the signal of this number: SIGTERM, SIGINT, or SIGHUP where nothing reloads.
    Signal(i32),
    /// The app's own code asked to stop, by [`Shutdown::request`](crate::Shutdown::request) or
    /// [`Running::stop`](crate::Running::stop).
    Requested,
    /// The component of this name failed in its start or while it ran, or its scope called
    /// [`Shutdown::fail`](crate::Shutdown::fail).
    Failed(Arc<str>),
    /// The body of `main` returned.
    MainReturned,
    /// The worker of this name, which has `on_finish = "shutdown"`, ended without an error.
    Finished(Arc<str>),
    /// The whole startup took longer than `startup_timeout`.
    StartupTimeout,
    /// User code, or a library that it uses, called `exit` while components were up; with the exit code where the C library
    /// tells it, as glibc does.
    Exited(Option<i32>),
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
            Self::Exited(Some(code)) => write!(f, "`exit({code})` was called"),
            Self::Exited(None) => f.write_str("`exit` was called"),
        }
    }
}

/// The name of a signal that the framework handles; `a signal` for another one.
pub(crate) fn signal_name(number: i32) -> &'static str {
    match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        6 => "SIGABRT",
        15 => "SIGTERM",
        _ => "a signal",
    }
}
