//! Run the application as a systemd service that reports its state. Feature `systemd`, Linux only.
//!
//! [`#[lifecycle::main]`](macro@crate::main) sends notifications to the service manager, as described in
//! [`sd_notify(3)`]:
//!
//! | event | notification | purpose |
//! | --- | --- | --- |
//! | startup in progress | `STATUS=starting 3 of 7: database`; `EXTEND_TIMEOUT_USEC` of [`startup_timeout`](crate::Settings::startup_timeout) plus 1 s | `TimeoutStartSec=` does not kill a slow start |
//! | the application is running | `READY=1` | units that are ordered after the service start |
//! | SIGHUP, if a resource has a `reload` | `RELOADING=1` and `MONOTONIC_USEC`, then `READY=1` when all reloads have ended | `systemctl reload` waits for the reload (`Type=notify-reload`) |
//! | the first cause to stop | `STOPPING=1`; `EXTEND_TIMEOUT_USEC` of [`shutdown_timeout`](crate::Settings::shutdown_timeout) plus 1 s | a shorter `TimeoutStopSec=` does not kill the shutdown |
//! | shutdown in progress | `STATUS=stopping (SIGTERM) 2 of 7: cache; 12 in flight` | `systemctl status` shows the progress |
//! | the application has stopped | `STATUS` with the result and the first error | `systemctl status` shows why it stopped |
//! | half of `WatchdogSec=` has passed | `WATCHDOG=1`, if the runtime of the application has run a task for it | systemd sends SIGABRT to a service whose threads are all blocked, and the emergency hooks run |
//!
//! The framework removes `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` from the environment before anything else
//! runs, so no child process can notify on behalf of the service. A service manager that does not read its socket
//! delays nothing, except that the process waits up to 100 ms for it at exit.
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
//! `LIFECYCLE_PRINT=systemd ./app` prints such a unit with the timeouts of your application.
//!
//! Keep `TimeoutStopSec=` above `shutdown_timeout` even though the application extends it: for a moment after
//! `systemctl daemon-reload`, systemd does not know the extension. systemd before version 253 has no `notify-reload`;
//! use `Type=notify` and `ExecReload=kill -HUP $MAINPID` there.
//!
//! # Reload
//!
//! SIGHUP calls the `reload` of each resource in start order. A `reload` that fails is logged, and its resource keeps
//! its previous state. If no resource has a `reload`, SIGHUP stops the application.
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
//!     /// Replaces the rules only after the file was read successfully.
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
//! # Socket activation
//!
//! [`http::bind`](crate::http::bind) takes the socket of a `.socket` unit (`LISTEN_FDS`) if there is one, and binds a
//! new socket otherwise. systemd keeps the socket open while the service restarts: clients wait in its backlog, and no
//! connection is refused.
//!
//! [`sd_notify(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
