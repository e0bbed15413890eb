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
//! # Words
//!
//! | word | meaning |
//! | --- | --- |
//! | resource | something the app has: a pool, a client, a listener, a model. Started once, stopped once |
//! | worker | something the app does until told to stop: a server loop, a queue consumer, a periodic job |
//! | component | a resource or a worker |
//! | order | an optional number: lower starts earlier and stops later |
//! | layer | safe, timeout, emergency: how far the cleanup of a component had to go |
//! | lame duck | still serving, but already reported as not ready |
//! | drain | no new work is admitted, admitted work is finished |
//! | deadline | one instant, fixed at the first cause to stop, never moved |
//! | watchdog | the threads outside the runtime that make the deadline hold |
//!
//! # Startup
//!
//! A resource starts when everything that its `start` takes is up, and, with an `order`, when every resource of a smaller
//! order is; everything else in parallel. Workers follow, then the body of `main`. A start that fails, panics or takes
//! too long stops the startup, as does a signal, and what is up is taken down in reverse.
//!
//! # Teardown
//!
//! The first cause to stop fixes the deadline. The app drains: `main`'s body and the workers are told and awaited, work
//! in flight ends. Then each resource stops, as soon as all that depend on it have ended. A `stop` that fails, panics or
//! takes longer than its time is followed by the component's `emergency`, on a thread outside the runtime; no failure
//! skips, shortens or delays another component beyond its own time. At the deadline the process is gone, whatever user
//! code does, except for what defeats every process from outside: SIGKILL, the kernel's out-of-memory killer, and
//! uninterruptible I/O. [`guarantees`] says what holds when everything goes wrong, how, and what it costs.
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
//! # Environment
//!
//! | variable | sets |
//! | --- | --- |
//! | `LIFECYCLE_SHUTDOWN_TIMEOUT`, `_DRAIN_TIMEOUT`, `_LAME_DUCK`, `_EMERGENCY_TIMEOUT`, `_START_TIMEOUT`, `_STARTUP_TIMEOUT` | the limits of [`Settings`]: `5s`, `1m 30s` or bare seconds |
//! | `LIFECYCLE_TIMEOUT_<COMPONENT>`, `LIFECYCLE_START_TIMEOUT_<COMPONENT>` | those of one component, by its name in upper snake case |
//! | `LIFECYCLE_ADMIN` | an address and a port, `127.0.0.1:9000`, or a port alone, which is reached from this host only: where probes, metrics and the live picture are served; see [below](#probes-and-metrics) |
//! | `LIFECYCLE_CONSOLE` | `auto`, `on`, `off`: the live lines on a terminal; see [below](#console) |
//! | `LIFECYCLE_REPORT` | where the timeline of startup and shutdown is written to at the end, in one piece; the ending of the path says how: a picture (`.svg`), the same as a page with details (`.html`), the table with the critical path and who took longest (`.txt`), or data (`.json`, with the feature; [its schema]) |
//! | `LIFECYCLE_PRINT` | `plan`, `dot`, `mermaid`, `json`, `kubernetes`, `systemd`, `compose`: what is printed in place of starting; see [below](#printed) |
//! | `LIFECYCLE_STRICT` | `1`: warnings about the configuration end the process |
//! | `LIFECYCLE_DRILL` | `stop`, or `database.stop=hang, cache.stop=panic, signal=twice`: what is rehearsed; see the module `drill`, which comes with the feature |
//!
//! The environment beats code, and code beats attributes.
//!
//! [its schema]: https://github.com/lifecycle-rs/lifecycle/blob/main/lifecycle/report.schema.json
//!
//! # Printed
//!
//! `LIFECYCLE_PRINT=plan ./app` prints the plan and ends. Nothing is started: no thread is made and no signal handled. The
//! function of `init` does run, since it has its say in what the plan is; what should not happen then belongs into a
//! start. The exit code is 0, or 2 with everything that is wrong on standard error, so that it also checks a
//! configuration before it is rolled out. Warnings are on standard error, too.
//!
//! | value | what is printed |
//! | --- | --- |
//! | `plan` | for people: the components in start order, their times and layers, the longest chain, the budget of the shutdown as a bar |
//! | `dot`, `mermaid` | the graph, for Graphviz and for Markdown: an arrow leads from what needs to what is needed |
//! | `json` | the plan for programs; feature `json`; [its schema][plan schema] |
//! | `kubernetes` | a Deployment: a grace period above `shutdown_timeout`, probes (feature `admin`), a lame duck of 5 s unless one is set |
//! | `systemd` | a unit file: `Type=notify` with a watchdog (feature `systemd`), `TimeoutStopSec` above `shutdown_timeout` |
//! | `compose` | a service of a compose file: `stop_grace_period` above `shutdown_timeout`, a healthcheck (feature `admin`) |
//!
//! The last three wait 5 s longer than the app may take. The arguments of this call and the variables that set times are
//! part of what they say: `LIFECYCLE_SHUTDOWN_TIMEOUT=40s LIFECYCLE_PRINT=systemd ./app --mode web > app.service`.
//!
//! [plan schema]: https://github.com/lifecycle-rs/lifecycle/blob/main/lifecycle/plan.schema.json
//!
//! # Console
//!
//! Where standard error is a terminal, it gets a line for each thing that has happened and, below that, what is under way:
//! a line for each component that takes longer than 150 ms, with the time used and allowed, then one that says how far all
//! of it is, who waits for whom, what is still in flight, and what another Ctrl+C does.
//!
//! ```text
//! ✓ config started in 3ms
//!
//! ⠹ starting database 1.2s / 10s
//! ⠹ 1 of 4 up; cache waits for database; Ctrl+C stops
//! ```
//!
//! ```text
//! ■ stopping (SIGINT), in 25s at most; Ctrl+C again forces
//!
//! ⠼ stopping serve 1.2s / 8s
//! ⠼ draining 1.2s / 20s: 12 in flight (serve 10, chat 2), 1 task; Ctrl+C forces
//! ```
//!
//! It ends with a summary: one line where all went well, else also what did not. What is drawn fits the width of the
//! terminal, leaves what the app prints alone, and comes back after Ctrl+Z and `fg`; in the background nothing is drawn.
//! `NO_COLOR` takes the colours away. Elsewhere there are the `tracing` events of the target `lifecycle`, and what a
//! person must know goes to standard error. `LIFECYCLE_CONSOLE=off` has that on a terminal, too; `on` has the lines, without
//! what is drawn, where there is no terminal.
//!
//! # Probes and metrics
//!
//! With the feature `admin` and `LIFECYCLE_ADMIN=127.0.0.1:9000` the app answers over HTTP, from before the first start
//! until the process is gone, on a thread of its own. Nothing that is asked changes anything. A probe says 200 or 503,
//! and in words why.
//!
//! | path | says |
//! | --- | --- |
//! | `/livez` | whether the app's runtime is responsive: 503 once it has not run a task for 5 s. A runtime that is busy, a drain and a failing `health` leave it good. Answers within half a second |
//! | `/startupz` | 200 once the app has been up, and from then on |
//! | `/readyz` | 200 while the app is up; 503 with what is missing before, from the first cause to stop on until the end, and while a resource with `readiness` has failed its `health` three times in a row. These are asked every 5 s, and every second while they fail |
//! | `/healthz` | what every `health` of what is up says: asked all at once, given up after 2 s, not asked again within a second. 503 where one fails, with its error. As JSON by `Accept: application/json` or `?format=json` |
//! | `/metrics` | state, time, work in flight, starts, restarts and stops of each component, in Prometheus' text format. The same goes to the recorder that the program has installed for the `metrics` facade, at each change of the app's state and every 10 s |
//! | `/` | in a browser, the live picture: what each component is at and how long it took, as it happens, then how it ended. To whoever does not accept `text/html`, a list of these |
//! | `/live` | the pictures for that page, as [server-sent events]: `picture` at each change, at most ten a second, and at least one a second while something is under way; then `ended` |
//!
//! At most 128 connections are open, each for one request, whose head has 5 s to come; a new one takes the place of the
//! oldest that has not asked yet. 16 of them may follow `/live`; one that takes no picture for 30 s is closed. The end
//! waits up to 250 ms, within its deadline, for those who follow to get the last picture, and for nobody else.
//!
//! [server-sent events]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
//! # Features
//!
//! | feature | what it adds | default |
//! | --- | --- | --- |
//! | `console` | live lines on a terminal | on |
//! | `axum` | `http::serve`, `DrainLayer`: HTTP/1.1 and HTTP/2 that loses no request at the end, for axum and any tower service | off |
//! | `stream` | `.interruptible(&shutdown)` for streams: what was handed out is saved when the app stops or the consumer goes | off |
//! | `json` | `LIFECYCLE_REPORT=life.json`, `LIFECYCLE_PRINT=json` | off |
//! | `admin` | `LIFECYCLE_ADMIN`: probes, metrics and a live picture over HTTP, see [below](#probes-and-metrics) | off |
//! | `systemd` | `Type=notify`, `Type=notify-reload` and `WatchdogSec=`: [see below](#systemd). Linux only | off |
//! | `drill` | `LIFECYCLE_DRILL`: the app is stopped as soon as it is up, with faults in the named hooks and signals in the named phases | off |
//! | `test-util` | `#[lifecycle::test(start_paused = true)]` | off |
//!
//! # systemd
//!
//! With the feature `systemd`, [`#[lifecycle::main]`](macro@main) tells the service manager that started it, by
//! [`sd_notify(3)`], what it does:
//!
//! | when | what | so that |
//! | --- | --- | --- |
//! | while it starts | `STATUS=starting 3 of 7: database`, `EXTEND_TIMEOUT_USEC` of [`startup_timeout`](Settings::startup_timeout) and a second | a slow start is not killed by `TimeoutStartSec=` |
//! | it is up | `READY=1` | units that are ordered after it start |
//! | SIGHUP, where something has a `reload` | `RELOADING=1`, `MONOTONIC_USEC`, and `READY=1` when all have ended | `systemctl reload` waits (`Type=notify-reload`) |
//! | the first cause to stop | `STOPPING=1`, `EXTEND_TIMEOUT_USEC` of [`shutdown_timeout`](Settings::shutdown_timeout) and a second | the deadline holds, and not a shorter `TimeoutStopSec=` |
//! | while it stops | `STATUS=stopping (SIGTERM) 2 of 7: cache; 12 in flight` | |
//! | at the end | `STATUS` with how it ended, and the first error | `systemctl status` says why |
//! | `WatchdogSec=` is set | `WATCHDOG=1` at half of that time, for as long as the app's runtime runs a task that it is given | a service with all threads blocked is killed, by SIGABRT: its emergency hooks run |
//!
//! `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are taken out of the environment first of all: no child can speak
//! for the service. A manager that does not listen holds up nothing, except that the end waits 100 ms for it.
//!
//! ```ini
//! [Service]
//! Type=notify-reload
//! ExecStart=/usr/local/bin/agent
//! WatchdogSec=30s
//! TimeoutStopSec=35s
//! Restart=on-failure
//! RestartPreventExitStatus=2
//! ```
//!
//! `TimeoutStopSec=` stands there all the same, since a `systemctl daemon-reload` has systemd forget for a moment what it
//! was told. systemd before version 253 has no `notify-reload`: there it is `Type=notify` and
//! `ExecReload=kill -HUP $MAINPID`.
//!
//! [`sd_notify(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

#![cfg_attr(docsrs, feature(doc_cfg))]

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
