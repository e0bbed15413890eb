//! Serve liveness, readiness, health, metrics and a live picture over HTTP. Feature `admin`.
//!
//! Set `LIFECYCLE_ADMIN=127.0.0.1:9000` to enable the server; without the variable it does not run. It answers from
//! before the first start until the process exits, on a thread and a runtime of its own. No request changes the state
//! of the application. A probe answers 200 or 503, with the reason as text. A port without an address
//! (`LIFECYCLE_ADMIN=9000`) is reachable from the local host only.
//!
//! | path | response |
//! | --- | --- |
//! | `/livez` | 200 while the runtime of the application is responsive; 503 when it has not run a task for 5 s. A busy runtime, a drain and a failing `health` do not affect it. Answers within 500 ms |
//! | `/startupz` | 200 once the startup has completed, until the process exits |
//! | `/readyz` | 200 while the application is running; 503 during startup (with the components that are missing) and from the first cause to stop on. Also 503 while `/livez` is 503, and while a resource marked `readiness` has failed its `health` three times in a row |
//! | `/healthz` | the result of `health` of each component that is up; 503 with the error if one fails. All checks run in parallel, time out after 2 s, and are cached for 1 s. JSON on request: `Accept: application/json` or `?format=json` |
//! | `/metrics` | state, durations, work in flight, starts, restarts and stops of each component, in Prometheus' text format |
//! | `/` | the live picture: the state and the duration of each component, and the outcome at the end. A plain-text list of these paths for clients that accept `text/plain` and not `text/html` |
//! | `/live` | the updates of the live picture as [server-sent events]: `picture` at each change, at most ten a second and, while a component starts or stops, at least one a second; then `ended` |
//!
//! The `health` checks that affect readiness run every 5 s, and every second while one of them fails.
//!
//! A program that has installed a recorder of the `metrics` facade gets the same metrics there, at each change of the
//! application's state and every 10 s.
//!
//! The server keeps at most 128 connections, each for one request. A client has 5 s to send its request headers. When
//! the limit is reached, a new connection replaces the oldest one that has not sent a request yet. At most 16
//! connections can follow `/live`; one that reads no update for 30 s is closed. At exit, the process waits up to 250
//! ms, within the deadline, to send the last picture to these connections, and does not wait for others.
//!
//! [server-sent events]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
//! # Choosing a probe
//!
//! | question | probe | action on 503 |
//! | --- | --- | --- |
//! | should the process be killed and restarted? | `/livez` | restart; it depends on the process alone, so that a failed dependency never causes restarts |
//! | should the process receive requests? | `/readyz` | send requests to other replicas |
//! | has the process started? | `/startupz` | wait; the startup is limited by `startup_timeout` |
//! | what is wrong? | `/healthz` | read the errors |
//!
//! # Writing a health check
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use lifecycle::{App, Shutdown, resource};
//!
//! struct Database;
//!
//! /// The application cannot serve without its database: it is not ready while this check
//! /// fails.
//! #[resource(readiness)]
//! impl Database {
//!     async fn start() -> Self {
//!         Self
//!     }
//!
//!     async fn health(&self) -> Result<(), std::io::Error> {
//!         // SELECT 1
//!         Ok(())
//!     }
//! }
//!
//! struct Cache;
//!
//! /// The application still serves without its cache: a failure appears on `/healthz` and
//! /// does not affect readiness.
//! #[resource]
//! impl Cache {
//!     async fn start() -> Self {
//!         Self
//!     }
//!
//!     async fn health(&self) -> Result<(), &'static str> {
//!         Err("out of memory")
//!     }
//! }
//!
//! #[derive(App)]
//! struct Shop {
//!     database: Arc<Database>,
//!     cache: Arc<Cache>,
//! }
//!
//! #[lifecycle::main]
//! async fn main(app: Shop, shutdown: Shutdown) {
//!     let _ = (app.database, app.cache);
//!     shutdown.requested().await;
//! }
//! ```
//!
//! Set `readiness` only for a resource that this replica needs and that other replicas may still have. If a shared
//! database fails and every replica becomes unready, the load balancer has no replica to send requests to, and clients
//! get its error instead of yours.
