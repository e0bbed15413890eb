//! [`StaticRef`]: the only pointer type between static data. See invariants 1 and 2 of [`crate::api::record`].

#![allow(
    unsafe_code,
    reason = "reading a static through a raw pointer; sound by construction, see below"
)]

/// A pointer to a static value. Unlike a reference, constant evaluation does not follow it, so that statics may refer
/// to each other in a cycle.
#[derive(Debug)]
pub(crate) struct StaticRef<T: 'static>(*const T);

// SAFETY: the pointer is from a `&'static T` and only yields one; that reference is `Send` where `T: Sync`.
unsafe impl<T: Sync> Send for StaticRef<T> {}
// SAFETY: as above; `&T` is `Sync` where `T: Sync`.
unsafe impl<T: Sync> Sync for StaticRef<T> {}

impl<T> StaticRef<T> {
    /// Does not read the value.
    pub(crate) const fn to(value: &'static T) -> Self {
        Self(value)
    }

    pub(crate) const fn get(self) -> &'static T {
        // SAFETY: the only constructor takes a `&'static T`, which is valid for the rest of the program.
        unsafe { &*self.0 }
    }
}

// Not derived: derives would require the same traits of `T`.
impl<T> Clone for StaticRef<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for StaticRef<T> {}

impl<T> PartialEq for StaticRef<T> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl<T> Eq for StaticRef<T> {}
