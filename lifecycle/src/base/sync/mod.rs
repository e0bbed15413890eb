//! The atomics and locks of the crate's own synchronization: those of std and tokio, or under loom its replacements.
//! loom runs a model with every interleaving of its threads, and with every value that a load may return.
//!
//! A model is next to the code that it checks, in a module named `models`:
//!
//! ```text
//! RUSTFLAGS="--cfg lifecycle_loom" LOOM_MAX_PREEMPTIONS=3 \
//!     cargo test -p lifecycle --lib --release --target-dir target/loom models::
//! ```

#[cfg(not(all(test, lifecycle_loom)))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8};
#[cfg(not(all(test, lifecycle_loom)))]
pub(crate) use std::sync::{Mutex, MutexGuard};
#[cfg(not(all(test, lifecycle_loom)))]
pub(crate) use std::thread_local;
#[cfg(not(all(test, lifecycle_loom)))]
pub(crate) use tokio::sync::Notify;

#[cfg(all(test, lifecycle_loom))]
pub(crate) use modelled::{
    AtomicBool, AtomicI64, AtomicU8, Mutex, MutexGuard, Notify, thread_local,
};

#[cfg(all(test, lifecycle_loom))]
mod modelled;
