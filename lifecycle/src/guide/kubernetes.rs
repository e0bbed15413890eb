//! A pod that loses no request, and Docker Compose.
//!
//! `LIFECYCLE_PRINT=kubernetes ./app` prints a Deployment with the times and the probes of your app. The probes need the
//! feature `admin`. These are the parts that matter:
//!
//! ```yaml
//! spec:
//!   # Above `shutdown_timeout`: to kill the app before cuts its clean-up.
//!   terminationGracePeriodSeconds: 30
//!   containers:
//!     - name: agent
//!       env:
//!         - name: LIFECYCLE_LAME_DUCK
//!           value: "5s"
//!         - name: LIFECYCLE_ADMIN
//!           value: "0.0.0.0:9000"
//!       startupProbe:
//!         httpGet: { path: /startupz, port: 9000 }
//!       livenessProbe:
//!         httpGet: { path: /livez, port: 9000 }
//!       readinessProbe:
//!         httpGet: { path: /readyz, port: 9000 }
//! ```
//!
//! # How a pod ends
//!
//! 1. The kubelet sends SIGTERM. At the same time, and not before, the pod is taken out of its services. For a few seconds
//!    requests still come.
//! 2. The app says on `/readyz` that it is not ready, and serves on for the `lame_duck`. No `preStop` hook has to sleep, and
//!    the time counts once, where you can see it.
//! 3. It drains, stops and ends. The exit code says how.
//! 4. After `terminationGracePeriodSeconds` the kubelet sends SIGKILL. The app is gone by then.
//!
//! The grace period is 30 s in a pod that says nothing, and `shutdown_timeout` is 25 s in an app that says nothing. Change
//! both, or change one by what is printed. The lame duck is part of `shutdown_timeout`.
//!
//! ```no_run
//! use lifecycle::{App, Shutdown, background};
//!
//! /// Answers of a language model are finished: 60 s for them, and the rest of the budget
//! /// around it.
//! #[background(timeout = "60s")]
//! async fn serve(shutdown: Shutdown) {
//!     shutdown.requested().await;
//! }
//!
//! #[derive(App)]
//! #[app(shutdown_timeout = "80s", lame_duck = "5s", background = [serve])]
//! struct Agent {}
//!
//! #[lifecycle::main]
//! async fn main(_app: Agent, shutdown: Shutdown) {
//!     shutdown.requested().await;
//! }
//! ```
//!
//! # In the image
//!
//! - As process 1 the app works like anywhere: nothing relies on what a signal does by default. If it starts children that
//!   start children, put an init before it (`docker run --init`), which reaps what they leave.
//! - Write `ENTRYPOINT ["/app"]`, and not `ENTRYPOINT /app`: a shell in between does not pass SIGTERM on.
//! - Exit code 2 is a wrong configuration: to start the same again does not help. 137 is a SIGKILL: the grace period was too
//!   short, or memory too little.
//!
//! # Docker and Compose
//!
//! Docker waits for 10 s. Say more: `docker stop -t 30`, or in a compose file `stop_grace_period: 30s`.
//! `LIFECYCLE_PRINT=compose ./app` prints a service with it.
