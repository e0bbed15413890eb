//! One life for an application that always ends well.
//!
//! ```text
//! Starting -> Running -> Draining -> Stopping -> Stopped
//! ```
//!
//! Annotate what the application has with [`#[resource]`](macro@resource) and what it does with
//! [`#[background]`](macro@background), [derive](macro@App) `App` on a struct of what should be handed to it, and enter
//! through [`#[lifecycle::main]`](macro@main):
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use lifecycle::{App, Shutdown, background, resource};
//!
//! struct Database { /* a pool */ }
//!
//! #[resource(order = 1, timeout = "5s")]
//! impl Database {
//!     async fn start() -> std::io::Result<Self> {
//!         Ok(Database {})
//!     }
//!     async fn stop(&self) { /* close the pool */ }
//!     fn emergency(&self) { /* synchronous, minimal, when `stop` failed or took too long */ }
//! }
//!
//! #[background(every = "60s")]
//! async fn expire_sessions(database: &Database) -> std::io::Result<()> {
//!     Ok(())
//! }
//!
//! #[derive(App)]
//! #[app(shutdown_timeout = "30s", background = [expire_sessions])]
//! struct Agent {
//!     database: Arc<Database>,
//! }
//!
//! #[lifecycle::main]
//! async fn main(app: Agent, shutdown: Shutdown) {
//!     shutdown.requested().await;
//! }
//! ```
//!
//! The [guide] says how, a page a subject; [`guarantees`] says what holds when everything goes wrong, how, and what it costs.
//!
//! # Startup
//!
//! A resource starts when everything that its `start` takes is up, and, with an `order`, when every resource of a smaller
//! order is; everything else in parallel. Workers follow, then the body of `main`. A start that fails, panics or takes
//! too long stops the startup, as does a signal, and what is up is taken down in reverse. More: [`guide::ordering`],
//! [`guide::workers`].
//!
//! # Teardown
//!
//! The first cause to stop fixes the deadline. The app drains: `main`'s body and the workers are told and awaited, work
//! in flight ends. Then each resource stops, as soon as all that depend on it have ended. A `stop` that fails, panics or
//! takes longer than its time is followed by the component's `emergency`, on a thread outside the runtime; no failure
//! skips, shortens or delays another component beyond its own time. At the deadline the process is gone, whatever user
//! code does, except for what defeats every process from outside: SIGKILL, the kernel's out-of-memory killer, and
//! uninterruptible I/O. More: [`guide::timeouts`], [`guide::draining`].
//!
//! # Exit code
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | clean |
//! | 1 | the app failed: a start, `main`, a worker |
//! | 2 | wrong configuration: an environment variable, the graph, a [`ConfigError`] from a start |
//! | 3 | it stopped, but a component needed layer two or three, or work was cut |
//! | 128 + n | forced by signal n |
//!
//! [`guide::operating`] has the environment variables: time limits without a build, the plan in place of a start, a picture
//! of the life that was led.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! | --- | --- | --- |
//! | `console` | [live lines](guide::console) on a terminal | on |
//! | `axum` | [`http::serve`](mod@http), `DrainLayer`: HTTP/1.1 and HTTP/2 that loses no request at the end, for axum and any tower service | off |
//! | `stream` | `.interruptible(&shutdown)` for [streams](guide::streams): what was handed out is saved when the app stops or the consumer goes | off |
//! | `json` | `LIFECYCLE_REPORT=life.json`, `LIFECYCLE_PRINT=json` | on |
//! | `admin` | `LIFECYCLE_ADMIN`: [probes, metrics](guide::probes) and a live picture over HTTP | off |
//! | `systemd` | `Type=notify`, `Type=notify-reload` and `WatchdogSec=`: [systemd](guide::systemd). Linux only | off |
//! | `drill` | `LIFECYCLE_DRILL`: the app is stopped as soon as it is up, with faults in the named hooks and signals in the named phases | off |
//! | `test-util` | `#[lifecycle::test(start_paused = true)]` | off |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "axum", feature = "drill", feature = "stream")),
    allow(
        rustdoc::broken_intra_doc_links,
        rustdoc::private_intra_doc_links,
        reason = "the guide links to what features add"
    )
)]

#[cfg(not(unix))]
compile_error!("`lifecycle` runs on Unix systems; Windows is not supported yet");

mod api;
mod base;
mod entry;
mod error;
pub mod guide;
#[cfg(feature = "axum")]
pub mod http;
mod life;
mod macro_support;
mod plan;
mod process;
mod proof;
mod report;
mod scope;
mod sys;
mod view;

pub use api::app::App;
pub use api::cleanup_layer::CleanupLayer;
pub use api::event::{Event, EventKind, PendingWork};
pub use api::hook::{Hook, Instance, StartContext, Stopped};
pub use api::leases::{Lease, LeaseCounts, Leases, Outstanding};
pub use api::record::{Binding, HookKind, Need, Record, RecordRef};
pub use api::resource::{Provided, Resource};
pub use api::settings::Settings;
pub use api::shutdown::{Shutdown, Slept};
#[cfg(feature = "stream")]
pub use api::stream::{
    Collecting, InterruptReason, Interruptible, InterruptibleStream, SavedStream,
};
pub use api::tasks::{Task, Tasks};
pub use api::worker::{BackgroundPolicy, BackgroundWorker, EndAction, Ready, RestartPolicy};
pub use entry::builder::{Builder, Lifecycle, NotUp, Running, StartError};
pub use error::{BoxError, ConfigError, Draining, TaskError, is_disconnect};
pub use guide::guarantees;
pub use inventory;
pub use lifecycle_macros::{App, background, main, resource, test};
#[cfg(feature = "drill")]
pub use plan::drill;
pub use plan::setup::Setup;
pub use report::{Blame, ComponentReport, CriticalPath, Report};
pub use scope::admission::InFlight;
pub use scope::reason::Reason;

/// What expansions of the macros name. Outside semantic versioning: it changes whenever the macros do.
#[doc(hidden)]
pub mod __private {
    pub use crate::api::app::{App, AppRecord};
    pub use crate::api::hook::{Hook, Instance, StartContext, Stopped};
    pub use crate::api::record::{Binding, HookKind, Need, Record, RecordRef};
    pub use crate::api::resource::{Provided, Resource};
    pub use crate::api::settings::Settings;
    pub use crate::api::worker::{
        BackgroundPolicy, BackgroundWorker, EndAction, Ready, RestartPolicy,
    };
    pub use crate::entry::builder::Builder;
    pub use crate::entry::test::test;
    pub use crate::error::BoxError;
    pub use crate::macro_support::entry_spec::{ByApp, EntryParameter, EntrySpec};
    pub use crate::macro_support::parameter::{Outcome, Parameter};
    pub use crate::macro_support::{EntrySlot, Exactly, Field, Judged, Slot, StopOutcome, judged};
    pub use crate::plan::registry::Registration;
    pub use crate::plan::setup::Setup;
    pub use crate::process::main;
    pub use crate::proof::{Verdict, check_app, check_edge, check_one_app};
    pub use ::inventory;
}
