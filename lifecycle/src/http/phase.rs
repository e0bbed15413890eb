//! [`Phase`]: how far a server is.

/// The phases of a server, in order; `LameDuck` may be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// The app still serves, but is no longer ready.
    LameDuck,
    /// The scope has been asked to stop.
    Draining,
    /// The time to drain is over: what is still in flight is dropped.
    Aborting,
}
