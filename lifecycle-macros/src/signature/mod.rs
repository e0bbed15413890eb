//! The parts of a signature that several macros read: the function, its parameters, the name of its component.

pub(crate) mod function;
pub(crate) mod name;
pub(crate) mod param;
pub(crate) mod runtime;
