//! What knows nothing of the domain: durations, names, text for constant evaluation, and what atomics are made of.

pub(crate) mod const_text;
pub(crate) mod duration;
pub(crate) mod names;
pub(crate) mod sync;
