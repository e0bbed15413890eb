//! What the binary contains: the components that the attributes registered at link time.

use crate::api::record::RecordRef;

/// One annotated component, submitted to [`inventory`] by its attribute.
#[derive(Debug, Clone, Copy)]
pub struct Registration(RecordRef);

impl Registration {
    /// Registers the component with that record.
    #[must_use]
    pub const fn new(record: RecordRef) -> Self {
        Self(record)
    }
}

inventory::collect!(Registration);

/// Every record that was linked into the binary.
pub(crate) fn records() -> impl Iterator<Item = RecordRef> {
    inventory::iter::<Registration>().map(|registration| registration.0)
}
