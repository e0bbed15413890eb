//! A service that says what it does. Feature `systemd`, Linux only.
//!
//! [`#[lifecycle::main]`](macro@crate::main) tells the service manager that started it, by [`sd_notify(3)`], what it does:
//!
//! | when | what | so that |
//! | --- | --- | --- |
//! | while it starts | `STATUS=starting 3 of 7: database`, `EXTEND_TIMEOUT_USEC` of [`startup_timeout`](crate::Settings::startup_timeout) and a second | a slow start is not killed by `TimeoutStartSec=` |
//! | it is up | `READY=1` | units that are ordered after it start |
//! | SIGHUP, where something has a `reload` | `RELOADING=1`, `MONOTONIC_USEC`, and `READY=1` when all have ended | `systemctl reload` waits (`Type=notify-reload`) |
//! | the first cause to stop | `STOPPING=1`, `EXTEND_TIMEOUT_USEC` of [`shutdown_timeout`](crate::Settings::shutdown_timeout) and a second | the deadline holds, and not a shorter `TimeoutStopSec=` |
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
//! `LIFECYCLE_PRINT=systemd ./app` prints such a unit, with the times of your app.
//!
//! `TimeoutStopSec=` stands there all the same, since a `systemctl daemon-reload` has systemd forget for a moment what it
//! was told. systemd before version 253 has no `notify-reload`: there it is `Type=notify` and
//! `ExecReload=kill -HUP $MAINPID`.
//!
//! # Reload
//!
//! SIGHUP calls each `reload`, in start order. One that fails is logged, and what was there goes on. Where nothing has a
//! `reload`, SIGHUP stops the app.
//!
//! ```no_run
//! use std::sync::{Arc, PoisonError, RwLock};
//!
//! use lifecycle::{App, Shutdown, resource};
//!
//! struct Rules {
//!     text: RwLock<String>,
//! }
//!
//! #[resource]
//! impl Rules {
//!     fn start() -> std::io::Result<Self> {
//!         let text = RwLock::new(std::fs::read_to_string("rules.txt")?);
//!         Ok(Self { text })
//!     }
//!
//!     /// Reads first, and replaces what is there only when that has worked.
//!     fn reload(&self) -> std::io::Result<()> {
//!         let text = std::fs::read_to_string("rules.txt")?;
//!         *self.text.write().unwrap_or_else(PoisonError::into_inner) = text;
//!         Ok(())
//!     }
//! }
//!
//! #[derive(App)]
//! struct Filter {
//!     rules: Arc<Rules>,
//! }
//!
//! #[lifecycle::main]
//! async fn main(app: Filter, shutdown: Shutdown) {
//!     let _ = app.rules;
//!     shutdown.requested().await;
//! }
//! ```
//!
//! # Sockets
//!
//! [`http::bind`](crate::http::bind) takes the socket that a `.socket` unit hands over (`LISTEN_FDS`), or makes one. Across a
//! restart systemd keeps it: clients wait in its backlog, and none is refused.
//!
//! [`sd_notify(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
