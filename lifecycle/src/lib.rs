//! Ordered startup and bounded graceful shutdown for tokio applications.
//!
//! ```text
//! Starting -> Running -> Draining -> Stopping -> Stopped
//! ```
//!
//! Annotate what the application has with [`#[resource]`](macro@resource) and what it does with
//! [`#[background]`](macro@background). [Derive](macro@App) `App` for a struct of the resources that `main` needs, and enter
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
//!     fn emergency(&self) { /* synchronous and minimal, if `stop` failed or took too long */ }
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
//! The [guide] has a page for each topic; [`guarantees`] states what holds under every fault, by which mechanism, and what it
//! costs.
//!
//! # Startup
//!
//! A resource starts when all resources that its `start` takes are up and, if it has an `order`, when all resources of a
//! lower order are. Everything else starts in parallel. The workers follow, then the body of `main`. A start that fails,
//! panics or takes too long stops the startup, as does a signal; what is up is then stopped in reverse order. More:
//! [`guide::ordering`], [`guide::workers`].
//!
//! # Shutdown
//!
//! The first cause to stop fixes the deadline. Then the app drains: `main`'s body and the workers are asked to stop and
//! awaited, and work in flight runs to completion. After that each resource stops as soon as everything that depends on
//! it has ended. A `stop` that fails, panics or exceeds its timeout is followed by the component's `emergency`, on a thread
//! outside the runtime. A failure never skips or shortens the cleanup of another component, and delays it by no more than
//! the failing component's own timeout. At the deadline the process exits, whatever user code does. Only what defeats every
//! process from outside is excepted: SIGKILL, the kernel's out-of-memory killer, and uninterruptible I/O. More:
//! [`guide::timeouts`], [`guide::draining`].
//!
//! # Exit code
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | graceful stop |
//! | 1 | the app failed: a start, `main`, or a worker |
//! | 2 | wrong configuration: an environment variable, the graph, or a [`ConfigError`] from a start |
//! | 3 | the app stopped, but a component needed cleanup layer two or three, or work was aborted |
//! | 128 + n | forced by signal n |
//!
//! [`guide::operating`] lists the environment variables: they change time limits without a rebuild, print the plan instead
//! of starting, and record a picture of startup and shutdown.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! | --- | --- | --- |
//! | `console` | [live lines](guide::console) on a terminal | on |
//! | `axum` | [`http::serve`](mod@http) and `DrainLayer`: HTTP/1.1 and HTTP/2 that completes all admitted requests, for axum and any tower service | off |
//! | `stream` | `.interruptible(&shutdown)` for [streams](guide::streams): what was yielded is saved when the app stops or the consumer is dropped | off |
//! | `json` | `LIFECYCLE_REPORT=life.json`, `LIFECYCLE_PRINT=json` | on |
//! | `admin` | `LIFECYCLE_ADMIN`: [probes, metrics](guide::probes) and a live picture over HTTP | off |
//! | `systemd` | `Type=notify`, `Type=notify-reload` and `WatchdogSec=`: [systemd](guide::systemd). Linux only | off |
//! | `drill` | `LIFECYCLE_DRILL`: stops the app as soon as it is up, with faults in the named hooks and signals in the named phases | off |
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

pub use api::app::{App, AppRecord};
pub use api::background_policy::{BackgroundPolicy, EndAction, RestartPolicy};
pub use api::cleanup_layer::CleanupLayer;
pub use api::event::{Event, EventKind, PendingWork};
pub use api::hook::{Hook, Instance, StartContext, Stopped};
pub use api::leases::{Lease, LeaseCounts, Leases, Outstanding};
pub use api::outcome::Outcome;
pub use api::ready::Ready;
pub use api::record::{Binding, HookKind, Need, Record, RecordRef};
pub use api::resource::{Provided, Resource};
pub use api::schedule::Schedule;
pub use api::settings::Settings;
pub use api::shutdown::{Shutdown, Slept};
pub use api::source_location::SourceLocation;
#[cfg(feature = "stream")]
pub use api::stream::{
    Collecting, InterruptReason, Interruptible, InterruptibleStream, SavedStream,
};
pub use api::tasks::{Task, Tasks};
pub use api::worker::BackgroundWorker;
pub use entry::builder::{Builder, Lifecycle};
pub use entry::running::{NotUp, Running};
pub use entry::start_error::StartError;
pub use error::{BoxError, ConfigError, Draining, TaskError, is_disconnect};
pub use guide::guarantees;
pub use lifecycle_macros::{App, background, main, resource, test};
#[cfg(feature = "drill")]
pub use plan::drill;
pub use plan::environment::variables;
pub use plan::setup::Setup;
pub use report::{Blame, ComponentReport, CriticalPath, Report};
pub use scope::admission::InFlight;
pub use scope::reason::Reason;

/// What expansions of the macros name. It is outside semantic versioning: it changes whenever the macros do.
#[doc(hidden)]
pub mod __private {
    pub use crate::api::app::{App, AppRecord};
    pub use crate::api::background_policy::{BackgroundPolicy, EndAction, RestartPolicy};
    pub use crate::api::hook::{Hook, Instance, StartContext, Stopped};
    pub use crate::api::outcome::Outcome;
    pub use crate::api::ready::Ready;
    pub use crate::api::record::{Binding, HookKind, Need, Record, RecordRef};
    pub use crate::api::resource::{Provided, Resource};
    pub use crate::api::schedule::Schedule;
    pub use crate::api::sealed::Sealed;
    pub use crate::api::settings::Settings;
    pub use crate::api::source_location::SourceLocation;
    pub use crate::api::worker::BackgroundWorker;
    pub use crate::entry::builder::Builder;
    pub use crate::entry::test::test;
    pub use crate::error::BoxError;
    pub use crate::macro_support::{
        ByApp, EntryParameter, EntrySlot, EntrySpec, Exactly, Field, Judged, Parameter, Slot,
        StopOutcome, expanded, judged,
    };
    pub use crate::plan::registry::Registration;
    pub use crate::plan::setup::Setup;
    pub use crate::process::main;
    pub use crate::proof::{Verdict, check_app, check_edge, check_one_app};
    pub use ::inventory;
}
