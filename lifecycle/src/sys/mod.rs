//! Everything `unsafe` in the crate, and nothing else: pointers between static records, and the operating system.

mod record_ref;
#[cfg(unix)]
pub(crate) mod signals;

pub use record_ref::RecordRef;
