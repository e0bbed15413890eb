//! [`InterruptReason`]: why a stream was interrupted.

/// Why a stream was interrupted: whatever came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterruptReason {
    /// The scope of the stream was asked to stop.
    Shutdown,
    /// The stream was dropped before its end.
    ConsumerGone,
}
