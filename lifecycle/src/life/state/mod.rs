//! The state that the driver owns, a file per group. Nothing here knows the driver, waits or calls user code; what a group
//! may do by itself is a method of that group.

pub(super) mod body;
pub(super) mod component;
pub(super) mod drain;
pub(super) mod emergency;
pub(super) mod event_buffer;
pub(super) mod history;
pub(super) mod reload;
pub(super) mod shutdown;
pub(super) mod starts;
pub(super) mod stops;
mod waits;
