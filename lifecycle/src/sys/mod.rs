//! All unsafe code of the crate, and nothing else: pointers between static records, and calls of the operating system.
//!
//! Every other module is compiled under `deny(unsafe_code)`. A file here that needs unsafe code allows it in its head,
//! and each use states why it is sound.

#[cfg(unix)]
pub(crate) mod at_exit;
#[cfg(target_os = "linux")]
pub(crate) mod backstop;
#[cfg(unix)]
pub(crate) mod default_effect;
#[cfg(any(feature = "axum", all(feature = "systemd", target_os = "linux")))]
pub(crate) mod environment;
#[cfg(unix)]
pub(crate) mod fork;
#[cfg(feature = "axum")]
pub(crate) mod inherited;

#[cfg(unix)]
pub(crate) mod signals;
mod static_ref;
#[cfg(unix)]
pub(crate) mod stderr;
#[cfg(all(feature = "console", unix))]
pub(crate) mod terminal;

pub(crate) use static_ref::StaticRef;
