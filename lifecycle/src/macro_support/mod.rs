//! What only expansions of the macros call. It is reachable through `__private`, and outside semantic versioning.

pub(crate) mod entry_spec;
mod expanded;
mod parameter;
mod slot;
mod stop_outcome;

pub use entry_spec::{ByApp, EntryParameter, EntrySpec};
pub use expanded::expanded;
pub use parameter::{Field, Parameter};
pub use slot::{EntrySlot, Slot};
pub use stop_outcome::{Exactly, Judged, StopOutcome, judged};
