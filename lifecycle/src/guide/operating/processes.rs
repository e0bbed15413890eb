//! Start child processes, and know what `fork`, `exec`, daemons and `exit` mean for an application.
//!
//! `#[lifecycle::main]` owns the process: it handles signals, has threads that enforce the deadline, and decides how the
//! process ends. The builder and tests own nothing of the process, and this page does not apply to them.
//!
//! | what the application or a library does | effect |
//! | --- | --- |
//! | starts a command, with or without `pre_exec` | none; a panic in `pre_exec` ends the child by SIGABRT, and `spawn` returns |
//! | `fork` without `exec` | in the child, signals have their default effect: SIGTERM and an abort end it at once |
//! | `exit` in such a child | none for the application; its `emergency` hooks do not run |
//! | `fork`, and the child goes on as the application | the child writes what is wrong and exits with code 2 |
//! | `exec` | the process becomes another program, without any cleanup |
//! | `exit` before a component is up, as for `--help` in `init` | the process exits with that code |
//! | `exit` while components are up | their `emergency` hooks run; code 0 becomes 3 |
//! | `exit` after all components have stopped | the process exits with that code; code 0 becomes the one of the report |
//! | `abort` while components are up | their `emergency` hooks run; then the process ends by SIGABRT, with a core if the system writes one |
//! | `_exit`, `quick_exit` | the process ends at once, without any cleanup |
//!
//! # Child processes
//!
//! A child inherits the environment. If it is built with this framework, too, it would listen on the same admin address,
//! write the same report and rehearse the same drill. [`variables`](crate::variables) lists the variables to remove. Those
//! of systemd (`NOTIFY_SOCKET`, `LISTEN_FDS`) are removed when the application starts.
//!
//! At a terminal, Ctrl+C sends SIGINT to all processes in the foreground, children included. A child in a process group of
//! its own is stopped only by the resource that started it:
//!
//! ```no_run
//! use std::process::Stdio;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use lifecycle::{App, Shutdown, resource};
//! use tokio::process::{Child, Command};
//! use tokio::sync::Mutex;
//!
//! /// A program that ends when its standard input does.
//! struct Renderer {
//!     child: Mutex<Child>,
//! }
//!
//! #[resource(timeout = "5s")]
//! impl Renderer {
//!     async fn start() -> std::io::Result<Self> {
//!         let mut command = Command::new("./renderer");
//!         for name in lifecycle::variables() {
//!             command.env_remove(name);
//!         }
//!         let child = command
//!             .process_group(0)
//!             .stdin(Stdio::piped())
//!             // If the resource is dropped while the child runs, the child is killed.
//!             .kill_on_drop(true)
//!             .spawn()?;
//!         Ok(Self { child: Mutex::new(child) })
//!     }
//!
//!     async fn stop(&self) -> std::io::Result<()> {
//!         let mut child = self.child.lock().await;
//!         // Closed: the child sees the end of its input. It has most of the timeout to exit.
//!         drop(child.stdin.take());
//!         match tokio::time::timeout(Duration::from_secs(4), child.wait()).await {
//!             Ok(ended) => ended.map(drop),
//!             Err(_) => child.kill().await,
//!         }
//!     }
//! }
//!
//! #[derive(App)]
//! struct Studio {
//!     renderer: Arc<Renderer>,
//! }
//!
//! #[lifecycle::main]
//! async fn main(_app: Studio, shutdown: Shutdown) {
//!     shutdown.requested().await;
//! }
//! ```
//!
//! A child whose parent is killed is not killed with it, but sees the end of its input, too.
//!
//! # `fork` without `exec`
//!
//! A child made by `fork` has the memory of the application but none of its threads, so that no component, task or timer
//! makes progress in it. It also has the descriptors of the application: a port stays in use until the child has ended. The
//! child may compute, and must end by `_exit`. A [`Shutdown`](crate::Shutdown) that is asked in the child
//! would never report a stop; the child then exits with code 2.
//!
//! # Daemons
//!
//! An application does not put itself into the background: a service manager or a shell does (`systemd` with `Type=notify`
//! or `Type=exec`, a container, `app &`, `setsid`). Code that forks and goes on in the child, as `daemon(3)` does, leaves the
//! threads of the application behind. The child notices that when `init`, the hook or the task returns, writes one line to
//! standard error, and exits with code 2. A process that must fork itself does so before `main` begins: in a launcher that
//! then executes the application.
//!
//! # `exit`
//!
//! An application ends by returning from `main` or by [`Shutdown::request`](crate::Shutdown::request), and fails by
//! returning an error. `std::process::exit` is often called by a library: by a parser of arguments, by a panic hook, by C
//! code. Parse arguments in `init`, where nothing is up yet:
//!
//! ```no_run
//! use lifecycle::{Setup, Shutdown};
//!
//! struct Args {
//!     folder: String,
//! }
//!
//! fn setup(setup: &mut Setup) {
//!     let Some(folder) = std::env::args().nth(1) else {
//!         eprintln!("usage: app FOLDER");
//!         // As without the framework: nothing is up.
//!         std::process::exit(2);
//!     };
//!     setup.provide(Args { folder });
//! }
//!
//! #[lifecycle::main(init = setup)]
//! async fn main(shutdown: Shutdown) {
//!     shutdown.requested().await;
//! }
//! ```
//!
//! If `exit` is called while components are up, no `stop` is called any more: `exit` may have been called under any lock
//! and on any thread, and does not return. Their `emergency` hooks run, within the emergency reserve. A line on standard
//! error names the code and the thread; the report is written, with [`Reason::Exited`](crate::Reason::Exited); writers of
//! [`flush_at_exit`](crate::Setup::flush_at_exit) are flushed. A code of 0 becomes 3, or 1 if the application had failed;
//! other codes are kept. On systems other than Linux with glibc the code is not known, so that it always becomes 3 or 1.
//!
//! Handlers of `atexit` run in the reverse of the order in which they were registered. The framework registers its own
//! before the first start, and again when all components are up. Handlers that were registered before it run after the
//! `emergency` hooks, and are ended with the process when the time of the hooks and 250 ms have passed. A handler that is
//! registered later runs first; if it hangs, `exit` hangs in it, while the rest of the application continues and stops at
//! the next signal.
