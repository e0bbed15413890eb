//! Liveness, readiness, health, metrics, and a live picture. Feature `admin`.
//!
//! With `LIFECYCLE_ADMIN=127.0.0.1:9000` the app answers over HTTP, from before the first start until the process is gone,
//! on a thread of its own. Nothing that is asked changes anything. A probe says 200 or 503, and in words why. A port alone,
//! `LIFECYCLE_ADMIN=9000`, is reached from this host only.
//!
//! | path | says |
//! | --- | --- |
//! | `/livez` | whether the app's runtime is responsive: 503 once it has not run a task for 5 s. A runtime that is busy, a drain and a failing `health` leave it good. Answers within half a second |
//! | `/startupz` | 200 once the app has been up, and from then on |
//! | `/readyz` | 200 while the app is up; 503 with what is missing before, from the first cause to stop on until the end, while a resource with `readiness` has failed its `health` three times in a row, and while `/livez` says 503. These are asked every 5 s, and every second while they fail |
//! | `/healthz` | what every `health` of what is up says: asked all at once, given up after 2 s, not asked again within a second. 503 where one fails, with its error. As JSON by `Accept: application/json` or `?format=json` |
//! | `/metrics` | state, time, work in flight, starts, restarts and stops of each component, in Prometheus' text format. The same goes to the recorder that the program has installed for the `metrics` facade, at each change of the app's state and every 10 s |
//! | `/` | the live picture: what each component is at and how long it took, as it happens, then how it ended. To whoever accepts `text/plain` and no `text/html`, a list of these |
//! | `/live` | the pictures for that page, as [server-sent events]: `picture` at each change, at most ten a second, and at least one a second while something is under way; then `ended` |
//!
//! At most 128 connections are open, each for one request, whose head has 5 s to come; a new one takes the place of the
//! oldest that has not asked yet. 16 of them may follow `/live`; one that takes no picture for 30 s is closed. The end
//! waits up to 250 ms, within its deadline, for those who follow to get the last picture, and for nobody else.
//!
//! [server-sent events]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
//! # Which of them to ask
//!
//! | question | ask | what to do about a no |
//! | --- | --- | --- |
//! | is it to be killed and started again? | `/livez` | only where a restart helps: nothing that depends on others is in there |
//! | is it to get requests? | `/readyz` | send them elsewhere |
//! | has it started? | `/startupz` | wait: the start has `startup_timeout` |
//! | what is wrong? | `/healthz` | look |
//!
//! # A `health`
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use lifecycle::{App, Shutdown, resource};
//!
//! struct Database;
//!
//! /// Without its database the app can do nothing: it is not ready while this one fails.
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
//! /// It does without its cache, if slowly: that shows on `/healthz`, and requests still
//! /// come.
//! #[resource]
//! impl Cache {
//!     async fn start() -> Self {
//!         Self
//!     }
//!
//!     async fn health(&self) -> Result<(), &'static str> {
//!         Err("no memory left")
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
//! Mark only what this replica needs and others may still have. Where all replicas fail because of one database, all are taken
//! out of the load balancer at once, and clients get its error instead of yours.
