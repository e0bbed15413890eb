//! The components that the attributes register at link time.

use crate::api::record::RecordRef;

/// The registration of an annotated component, which its attribute submits to [`inventory`].
#[derive(Debug, Clone, Copy)]
pub struct Registration(RecordRef);

impl Registration {
    /// Creates the registration of the component with that record.
    #[must_use]
    pub const fn new(record: RecordRef) -> Self {
        Self(record)
    }
}

inventory::collect!(Registration);

/// All records that are linked into the binary, in no particular order.
pub(crate) fn records() -> impl Iterator<Item = RecordRef> {
    inventory::iter::<Registration>().map(|registration| registration.0)
}
