//! [`CleanupLayer`]: how far the cleanup of a component had to go.

/// The layer of cleanup that a component needed to end.
///
/// Layers are ordered: a later one means that the one before did not suffice.
///
/// ```
/// use lifecycle::CleanupLayer;
///
/// assert!(CleanupLayer::Safe < CleanupLayer::Emergency);
/// assert_eq!(CleanupLayer::Timeout.as_str(), "timeout");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CleanupLayer {
    /// The stop hook ran to its end, or the component has none.
    Safe,
    /// The stop hook was cancelled at its timeout, or abandoned on its thread.
    Timeout,
    /// The emergency hook was called, since the stop hook had failed or the time was over.
    Emergency,
}

impl CleanupLayer {
    /// Returns the layer's name in reports, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Timeout => "timeout",
            Self::Emergency => "emergency",
        }
    }
}
