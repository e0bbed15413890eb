//! Exit codes, environment variables, the plan, the report, the drill.
//!
//! # Exit code
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | clean |
//! | 1 | the app failed: a start, `main`, a worker |
//! | 2 | wrong configuration: an environment variable, the graph, a [`ConfigError`](crate::ConfigError) from a start |
//! | 3 | it stopped, but a component needed layer two or three, or work was cut |
//! | 128 + n | forced by signal n |
//!
//! # Signals
//!
//! | signal | what happens |
//! | --- | --- |
//! | SIGTERM, SIGINT | stop; those within 300 ms of the first count as one |
//! | the second one | only the emergency hooks, then the end |
//! | the third one | the end |
//! | SIGHUP | [reload](super::systemd#reload); stop, where nothing can be reloaded, or where the app was started from a terminal |
//!
//! # Environment
//!
//! The environment beats code, and code beats attributes. A value that does not parse ends the process with exit code 2 before
//! anything starts. The name of a component that is not there is a warning.
//!
//! | variable | sets |
//! | --- | --- |
//! | `LIFECYCLE_SHUTDOWN_TIMEOUT`, `_DRAIN_TIMEOUT`, `_LAME_DUCK`, `_EMERGENCY_TIMEOUT`, `_START_TIMEOUT`, `_STARTUP_TIMEOUT` | the limits of [`Settings`](crate::Settings): `5s`, `1m 30s` or bare seconds |
//! | `LIFECYCLE_TIMEOUT_<COMPONENT>`, `LIFECYCLE_START_TIMEOUT_<COMPONENT>` | those of one component, by its name in upper snake case |
//! | `LIFECYCLE_ADMIN` | an address and a port, `127.0.0.1:9000`, or a port alone, which is reached from this host only: where [probes, metrics and the live picture](super::probes) are served |
//! | `LIFECYCLE_CONSOLE` | `auto`, `on`, `off`: the [live lines](super::console) on a terminal |
//! | `LIFECYCLE_REPORT` | where the [report](#the-report) is written to |
//! | `LIFECYCLE_PRINT` | what is [printed](#the-plan) in place of starting |
//! | `LIFECYCLE_STRICT` | `1`: warnings about the configuration end the process |
//! | `LIFECYCLE_DRILL` | `stop`, or `database.stop=hang, cache.stop=panic, signal=twice`: what is rehearsed; see the module [`drill`](crate::plan::drill) |
//!
//! # The plan
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
//! | `json` | the plan for programs; feature `json`, on by default; [its schema][plan schema] |
//! | `kubernetes` | a Deployment: a grace period above `shutdown_timeout`, probes (feature `admin`), a lame duck of 5 s unless one is set |
//! | `systemd` | a unit file: `Type=notify` with a watchdog (feature `systemd`), `TimeoutStopSec` above `shutdown_timeout` |
//! | `compose` | a service of a compose file: `stop_grace_period` above `shutdown_timeout`, a healthcheck (feature `admin`), a lame duck of 5 s unless one is set |
//!
//! The last three wait 5 s longer than the app may take. The arguments of this call and the variables that set times are
//! part of what they say: `LIFECYCLE_SHUTDOWN_TIMEOUT=40s LIFECYCLE_PRINT=systemd ./app --mode web > app.service`.
//!
//! # The report
//!
//! `LIFECYCLE_REPORT=life.svg` writes the timeline of startup and shutdown at the end, in one piece. The ending of the path
//! says how:
//!
//! | ending | what |
//! | --- | --- |
//! | `.svg` | a picture: who waited, who worked, what was cut, the deadline |
//! | `.html` | the same as a page with details |
//! | `.txt` | the table with the critical path and who took longest |
//! | `.json` | data; feature `json`, on by default; [its schema] |
//!
//! A program has it as a [`Report`](crate::Report), by the builder:
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
//! [its schema]: https://github.com/lifecycle-rs/lifecycle/blob/main/lifecycle/report.schema.json
//! [plan schema]: https://github.com/lifecycle-rs/lifecycle/blob/main/lifecycle/plan.schema.json
