//! What our own atomics and locks are made of: those of std and tokio, or in a model those of loom, which tries every
//! order of what several threads do, and every value that a load may see.
//!
//! The models stand beside what they try, in modules named `models`:
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
pub(crate) use tokio::sync::Notify;

#[cfg(all(test, lifecycle_loom))]
pub(crate) use modelled::{AtomicBool, AtomicI64, AtomicU8, Mutex, MutexGuard, Notify};

#[cfg(all(test, lifecycle_loom))]
mod modelled;
