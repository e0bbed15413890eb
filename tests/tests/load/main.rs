//! Integration tests that saturate the machine: thousands of connections, hundreds of programs, all processors.
//!
//! They are a binary of their own, so that they do not run beside the tests of `it`, whose bounds in time they would
//! exhaust. For the same reason they take turns ([`MACHINE`]).

#[cfg(target_os = "linux")]
mod admin_flood;
mod faults;
mod http_load;
mod sleepers;

use tokio::sync::Mutex;

/// The whole machine, for one test at a time.
static MACHINE: Mutex<()> = Mutex::const_new(());
