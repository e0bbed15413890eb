//! [`StaticRef`]: the one pointer type between static data. See invariants 1 and 2 of [`crate::api::record`].

#![allow(
    unsafe_code,
    reason = "reading a static through a raw pointer; sound by construction, see below"
)]

/// Points to a static value. Constant evaluation does not look through it, as it does through a reference.
#[derive(Debug)]
pub(crate) struct StaticRef<T: 'static>(*const T);

// SAFETY: the pointer was made from a `&'static T`, which may be sent and shared where `T` may be shared.
unsafe impl<T: Sync> Send for StaticRef<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for StaticRef<T> {}

impl<T> StaticRef<T> {
    /// What it points to is not read here, so that statics may refer to each other.
    pub(crate) const fn to(value: &'static T) -> Self {
        Self(value)
    }

    pub(crate) const fn get(self) -> &'static T {
        // SAFETY: the only constructor takes a `&'static T`, which stays valid and is never written.
        unsafe { &*self.0 }
    }
}

// Not derived: a derive would bound `T`.
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
