//! Everything `unsafe` in the crate, and nothing else: pointers between static records, and the operating system.

#[cfg(target_os = "linux")]
pub(crate) mod backstop;
#[cfg(any(feature = "axum", all(feature = "systemd", target_os = "linux")))]
pub(crate) mod environment;
#[cfg(feature = "axum")]
pub(crate) mod inherited;
mod record_ref;
#[cfg(unix)]
pub(crate) mod signals;
#[cfg(all(feature = "console", unix))]
pub(crate) mod terminal;

pub use record_ref::RecordRef;
