//! [`RecordRef`]: the one pointer type of the static records. See invariants 1 and 2 of [`crate::record`].

#![allow(
    unsafe_code,
    reason = "reading a static through a raw pointer; sound by construction, see below"
)]

use std::fmt;

use crate::record::Record;

/// Points to the static [`Record`] of a component.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecordRef(*const Record);

// SAFETY: the pointer was made from a `&'static Record`, and `Record` is `Send + Sync` (asserted below).
unsafe impl Send for RecordRef {}
// SAFETY: as above.
unsafe impl Sync for RecordRef {}

const _: () = {
    const fn assert<T: Send + Sync>() {}
    assert::<Record>();
};

impl RecordRef {
    /// The reference to a record. What it points to is not read here, so that records may refer to each other.
    #[must_use]
    pub const fn to(record: &'static Record) -> Self {
        Self(record)
    }

    /// The record.
    #[must_use]
    pub const fn get(self) -> &'static Record {
        // SAFETY: the only constructor takes a `&'static Record`, which stays valid and is never written.
        unsafe { &*self.0 }
    }
}

impl fmt::Debug for RecordRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
