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

#[cfg(feature = "admin")]
mod admin;
#[cfg(not(feature = "admin"))]
#[path = "admin/absent.rs"]
mod admin;
mod admin_address;
mod admit;
mod app;
mod background;
mod budget;
mod builder;
mod check;
mod component;
#[cfg(feature = "drill")]
pub mod drill;
#[cfg(not(feature = "drill"))]
#[path = "drill/absent.rs"]
mod drill;
mod duration;
mod emergency;
mod entry;
mod environment;
mod error;
mod glue;
mod graph;
pub mod guarantees;
pub mod guide;
mod hook;
#[cfg(feature = "axum")]
pub mod http;
mod leases;
mod life;
mod names;
mod plan;
mod print;
mod print_format;
mod process;
mod reason;
mod record;
mod registry;
mod report;
mod report_path;
mod resource;
mod scope;
mod selection;
mod settings;
mod setup;
mod shutdown;
#[cfg(unix)]
mod signals;
#[cfg(feature = "stream")]
mod stream;
mod sync;
mod sys;
mod task_set;
mod tasks;
mod test;
mod text;
mod threads;
mod trigger;
mod view;
#[cfg(unix)]
mod watchdog;

pub use admit::{Draining, InFlight};
pub use app::App;
pub use background::{OnEnd, Policy, Ready, Restart, Worker};
pub use builder::{Builder, Lifecycle, NotUp, Running, StartError};
pub use error::BoxError;
pub use error::{ConfigError, is_disconnect};
pub use hook::{Hook, Instance, StartContext, Stopped};
pub use inventory;
pub use leases::{Lease, Leases, Outstanding};
pub use life::outcome::Layer;
pub use lifecycle_macros::{App, background, main, resource, test};
pub use reason::Reason;
pub use record::{Binding, HookKind, Need, Record};
pub use report::{ComponentReport, Report};
pub use resource::{Provided, Resource};
pub use settings::Settings;
pub use setup::Setup;
pub use shutdown::{Shutdown, Slept};
#[cfg(feature = "stream")]
pub use stream::{Collecting, Interruptible, InterruptibleStream, OnInterrupt, Why};
pub use sys::RecordRef;
pub use tasks::{Task, TaskError, Tasks};
pub use view::picture::blame::{Blame, CriticalPath};

/// What expansions of the macros name. Outside semantic versioning: it changes whenever the macros do.
#[doc(hidden)]
pub mod __private {
    pub use crate::app::{App, AppRecord};
    pub use crate::background::{OnEnd, Policy, Ready, Restart, Worker};
    pub use crate::builder::Builder;
    pub use crate::check::{Verdict, check_app, check_edge, check_one_app};
    pub use crate::entry::{ByApp, EntryParameter, EntrySpec};
    pub use crate::error::BoxError;
    pub use crate::glue::{EntrySlot, Exactly, Field, Judged, Slot, StopOutcome, judged};
    pub use crate::hook::{Hook, Instance, Outcome, Parameter, StartContext, Stopped};
    pub use crate::process::main;
    pub use crate::record::{Binding, HookKind, Need, Record};
    pub use crate::registry::Registration;
    pub use crate::resource::{Provided, Resource};
    pub use crate::settings::Settings;
    pub use crate::setup::Setup;
    pub use crate::sys::RecordRef;
    pub use crate::test::test;
    pub use ::inventory;
}
