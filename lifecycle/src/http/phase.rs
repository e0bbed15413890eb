//! [`Phase`]: how far a server is.

/// How far a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// Still serving, but no longer ready.
    LameDuck,
    Draining,
    /// What is left is dropped.
    Aborting,
}
