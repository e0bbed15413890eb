//! [`CleanupLayer`]: how far the cleanup of a component had to go.

/// The layer of cleanup that a component needed to end.
///
/// Layers are ordered: a later one means that the one before did not suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CleanupLayer {
    /// The stop hook ran to its end.
    Safe,
    /// The stop hook was cancelled or abandoned at its timeout.
    Timeout,
    /// The emergency hook was due.
    Emergency,
}

impl CleanupLayer {
    /// The layer's name in reports, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Timeout => "timeout",
            Self::Emergency => "emergency",
        }
    }
}
