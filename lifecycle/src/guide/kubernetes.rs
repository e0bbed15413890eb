//! Run the application in Kubernetes or Docker so that an update loses no request and no cleanup is killed.
//!
//! `LIFECYCLE_PRINT=kubernetes ./app` prints a Deployment with the timeouts and the probes of your application. The
//! probes need the feature `admin`. The relevant parts are:
//!
//! ```yaml
//! spec:
//!   # Above `shutdown_timeout`: killing the app earlier interrupts its cleanup.
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
//! # How a pod stops
//!
//! 1. The kubelet sends SIGTERM. The cluster begins to remove the pod from its services only at the same time, so
//!    requests still arrive for a few seconds.
//! 2. The application reports on `/readyz` that it is not ready, and keeps serving for the `lame_duck`. This replaces a
//!    `preStop` hook that sleeps. Unlike such a hook, the lame duck is part of `shutdown_timeout` and appears in the
//!    plan.
//! 3. The application drains, stops, and exits. The exit code shows the result.
//! 4. After `terminationGracePeriodSeconds`, the kubelet sends SIGKILL to a pod that is still running. The application
//!    has exited by then.
//!
//! By default, a pod has a grace period of 30 s and an application has a `shutdown_timeout` of 25 s. Keep the grace
//! period above `shutdown_timeout` when you change either of them; the printed Deployment does.
//!
//! ```no_run
//! use lifecycle::{App, Shutdown, background};
//!
//! /// Streams of a language model run to completion: the worker has 60 s of the 80 s.
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
//! # Container image
//!
//! - The application works as process 1, for which signals have no default effect. If it starts processes that start
//!   further processes, put an init before it (`docker run --init`), which reaps orphaned processes.
//! - Write `ENTRYPOINT ["/app"]`, not `ENTRYPOINT /app`. The second form runs the application under a shell, which does
//!   not forward SIGTERM.
//! - Exit code 2 means a wrong configuration, and a restart does not help. Exit code 137 means SIGKILL: the grace
//!   period was too short, or the container exceeded its memory limit.
//!
//! # Docker and Compose
//!
//! Docker waits 10 s before it sends SIGKILL. Raise this with `docker stop -t 30`, or with `stop_grace_period: 30s` in
//! a compose file. `LIFECYCLE_PRINT=compose ./app` prints a service with the value for your application.
