//! The state that the driver owns, a file per group. Nothing here knows the driver, waits or calls user code.

pub(super) mod component;
