//! Everything `unsafe` in the crate, and nothing else: pointers between static records, and the operating system.

#[cfg(target_os = "linux")]
pub(crate) mod backstop;
#[cfg(any(feature = "axum", all(feature = "systemd", target_os = "linux")))]
pub(crate) mod environment;
#[cfg(feature = "axum")]
pub(crate) mod inherited;

#[cfg(unix)]
pub(crate) mod signals;
mod static_ref;
#[cfg(all(feature = "console", unix))]
pub(crate) mod terminal;

pub(crate) use static_ref::StaticRef;
