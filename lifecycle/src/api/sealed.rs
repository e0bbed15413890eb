//! [`Sealed`]: keeps the traits that only the macros implement from being implemented by hand.

/// The type of a hidden constant that every implementation of a sealed trait has to set.
///
/// Expansions name it through `__private`, which is outside semantic versioning: code that does the same by hand may stop
/// compiling with any release. So items can be added to these traits without a breaking change.
#[derive(Debug, Clone, Copy)]
pub struct Sealed(());

impl Sealed {
    /// The one value.
    pub const SEAL: Self = Self(());
}
