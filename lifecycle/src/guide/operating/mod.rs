//! Look up exit codes, signals and environment variables, and use the plan, the report and the drill.
//!
//! # Exit codes
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | graceful stop: every component stopped cleanly |
//! | 1 | the application failed: a start, the body of `main`, or a worker |
//! | 2 | wrong configuration: an environment variable, the dependency graph, or a [`ConfigError`](crate::ConfigError) of a start |
//! | 3 | the application stopped, but a component exceeded its time or needed its emergency hook, or work was aborted |
//! | 128 + n | the shutdown was forced by signal n |
//!
//! A code that user code passes to [`exit`](processes#exit) replaces 1 and 3, and is replaced by 3 if it is 0. A process
//! that aborts ends by SIGABRT, which a shell shows as 134.
//!
//! # Signals
//!
//! | signal | effect |
//! | --- | --- |
//! | first SIGTERM or SIGINT | graceful stop; further ones within 300 ms count as the same |
//! | second SIGTERM or SIGINT | forced stop: only the emergency hooks run, then the process exits |
//! | third SIGTERM or SIGINT | the process exits at once |
//! | SIGHUP | [reload](super::systemd#reload); graceful stop if no resource has a `reload`, or if the application was started from a terminal |
//!
//! # Environment variables
//!
//! The environment overrides settings in code, and code overrides attributes. A value that does not parse ends the
//! process with exit code 2 before anything starts. A variable for a component that does not exist is a warning.
//!
//! | variable | value |
//! | --- | --- |
//! | `LIFECYCLE_SHUTDOWN_TIMEOUT`, `_DRAIN_TIMEOUT`, `_LAME_DUCK`, `_EMERGENCY_TIMEOUT`, `_START_TIMEOUT`, `_STARTUP_TIMEOUT` | the limits of [`Settings`](crate::Settings), written as `5s`, as `1m 30s`, or as a number of seconds |
//! | `LIFECYCLE_TIMEOUT_<COMPONENT>`, `LIFECYCLE_START_TIMEOUT_<COMPONENT>` | the limits of one component; its name is written in upper snake case, such as `LIFECYCLE_TIMEOUT_HTTP_LISTENER` |
//! | `LIFECYCLE_ADMIN` | the address of [probes, metrics and the live picture](super::probes), such as `127.0.0.1:9000`; a port alone is reachable from the local host only |
//! | `LIFECYCLE_CONSOLE` | `auto`, `on` or `off`: the [progress lines](super::console) on a terminal |
//! | `LIFECYCLE_REPORT` | the file that the [report](#the-report) is written to |
//! | `LIFECYCLE_PRINT` | the format in which the [plan](#the-plan) is printed instead of starting the application |
//! | `LIFECYCLE_STRICT` | `1`: warnings about the configuration end the process |
//! | `LIFECYCLE_DRILL` | the faults and signals to rehearse, such as `database.stop=hang, cache.stop=panic, signal=twice`; see the module [`drill`](crate::plan::drill) |
//!
//! # The plan
//!
//! `LIFECYCLE_PRINT=plan ./app` prints the plan and exits. No component starts, no thread is created, and no signal is
//! handled. The `init` function does run, because it can change the plan; move side effects that you do not want here
//! to a `start`. The exit code is 0, or 2 with all errors on standard error. You can therefore use the command to check
//! a configuration before a deployment. Warnings are also written to standard error.
//!
//! | value | output |
//! | --- | --- |
//! | `plan` | a plan summary to read: components in start order, their timeouts and cleanup layers, the longest chain, and the shutdown budget as a bar |
//! | `dot`, `mermaid` | the dependency graph for Graphviz or Markdown, with arrows from a component to what it needs |
//! | `json` | the plan as data; feature `json`, on by default; [schema][plan schema] |
//! | `kubernetes` | a Deployment with a grace period above `shutdown_timeout`, probes (feature `admin`), and a lame duck of 5 s if none is set |
//! | `systemd` | a unit file with `Type=notify` and a watchdog (feature `systemd`), and `TimeoutStopSec` above `shutdown_timeout` |
//! | `compose` | a compose service with `stop_grace_period` above `shutdown_timeout`, a health check (feature `admin`), and a lame duck of 5 s if none is set |
//!
//! The last three formats add 5 s to the time that the application may take. They include the arguments of the command
//! and the variables that set timeouts:
//! `LIFECYCLE_SHUTDOWN_TIMEOUT=40s LIFECYCLE_PRINT=systemd ./app --mode web > app.service`.
//!
//! # The report
//!
//! `LIFECYCLE_REPORT=life.svg` writes a timeline of startup and shutdown when the application stops. The file is either
//! written completely or not at all. Its extension selects the format:
//!
//! | extension | content |
//! | --- | --- |
//! | `.svg` | a picture of waiting and working components, aborted work, and the deadline |
//! | `.html` | the picture as a page with details |
//! | `.txt` | a table with the critical path and the slowest components |
//! | `.json` | the timeline as data; feature `json`, on by default; [schema][report schema] |
//!
//! A program that uses the builder gets the same data as a [`Report`](crate::Report):
//!
//! ```
//! use lifecycle::{Lifecycle, Shutdown};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let running = Lifecycle::builder()
//!     .background("poll", |shutdown: Shutdown| async move { shutdown.requested().await })
//!     .start()
//!     .await?;
//! let report = running.stop().await;
//! println!("{report}\n{}\n{}", report.critical_path(), report.blame());
//! assert_eq!(report.exit_code(), 0);
//! # Ok(()) }
//! ```
//!
//! [report schema]: https://github.com/lifecycle-rs/lifecycle/blob/main/lifecycle/report.schema.json
//! [plan schema]: https://github.com/lifecycle-rs/lifecycle/blob/main/lifecycle/plan.schema.json
//!
//! # The drill
//!
//! `LIFECYCLE_DRILL` rehearses faults and signals on the real binary; it needs the feature `drill`.
//! [Testing](super::testing#drills) has examples.
//!
//! # Processes and standard input
//!
//! [Processes](processes) is about child processes, `fork`, daemons and `exit`, and [standard input](stdin) about reading it.

pub mod processes;
pub mod stdin;
