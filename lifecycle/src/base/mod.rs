//! Utilities that do not depend on the domain: durations, names, text in constant evaluation, and modelled atomics.

pub(crate) mod const_text;
pub(crate) mod duration;
pub(crate) mod names;
pub(crate) mod sync;
