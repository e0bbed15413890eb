//! Integration tests of the framework: one binary, a module for each topic.
//!
//! ```text
//! cargo test -p lifecycle-tests --test it                         everything that needs no special machine
//! cargo test -p lifecycle-tests --test it reload::                one topic
//! cargo test -p lifecycle-tests --test it -- --ignored booted::   tests that name what they need
//! cargo test -p lifecycle-tests --features drill --test it drill::
//! ```
//!
//! Tests of one topic share a module, and all modules share a process: a test that changes something of the whole
//! process runs in a child process of its own ([`lifecycle_tests::harness::alone`]). Tests that need the whole machine
//! are in the binary `load`.

mod blocking;
#[cfg(target_os = "linux")]
mod booted;
mod bounds;
mod buffered;
mod builder;
mod canary;
#[cfg(target_os = "linux")]
mod console;
mod destructors;
#[cfg(feature = "drill")]
mod drill;
mod emergency;
mod environment;
mod expected_errors;
mod forged;
mod handle;
mod hostile;
mod http;
mod layers;
mod leaks;
#[cfg(target_os = "linux")]
mod live;
mod messages;
#[cfg(target_os = "linux")]
mod metrics;
mod observers;
mod outputs;
mod picture;
mod policies;
mod print;
#[cfg(target_os = "linux")]
mod probed;
#[cfg(target_os = "linux")]
mod probes;
mod process_faults;
mod processes;
mod public_api;
mod readme;
mod reload;
mod report_file;
mod resources;
mod schema;
mod setup;
mod signal_faults;
mod signals;
mod spans;
mod starts;
mod stops;
mod streams;
#[cfg(target_os = "linux")]
mod systemd;
mod tasks;
mod workers;
