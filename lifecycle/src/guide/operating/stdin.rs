//! Read standard input without holding up the shutdown.
//!
//! A read of standard input cannot be cancelled: the thread that reads stays in the system call until a line or the end of
//! the input arrives. What follows from that depends on where the read happens:
//!
//! | what reads | at shutdown |
//! | --- | --- |
//! | a thread of its own, as below | no delay: the process exits although the thread is still reading |
//! | `tokio::io::stdin()` | it reads on a thread of the runtime, so that dropping the runtime waits for it; the runtime is abandoned after 100 ms, which the report notes |
//! | a synchronous worker (`#[background] fn`) | it does not return when stop is requested; it is abandoned at its timeout, and the exit code is 3 |
//! | a synchronous `start`, for example one that asks for a password | a signal is handled, but the start cannot be cancelled and is abandoned at the end of the drain |
//!
//! A detached thread therefore reads, and a worker receives the lines and can be asked to stop:
//!
//! ```no_run
//! use std::io::BufRead as _;
//! use std::thread;
//!
//! use lifecycle::{App, Shutdown, background};
//! use tokio::sync::mpsc;
//!
//! /// Reads lines on a thread that no component waits for.
//! fn lines() -> std::io::Result<mpsc::Receiver<String>> {
//!     // Bounded: the thread does not read ahead of the worker.
//!     let (sender, receiver) = mpsc::channel(1);
//!     thread::Builder::new().name("stdin".into()).spawn(move || {
//!         for line in std::io::stdin().lock().lines() {
//!             let Ok(line) = line else { return };
//!             if sender.blocking_send(line).is_err() {
//!                 return;
//!             }
//!         }
//!     })?;
//!     Ok(receiver)
//! }
//!
//! /// Returns at the end of the input, and when stop is requested.
//! #[background(on_finish = "shutdown")]
//! async fn read(shutdown: Shutdown) -> std::io::Result<()> {
//!     let mut lines = lines()?;
//!     while let Some(Some(line)) = shutdown.run(lines.recv()).await {
//!         println!("{}", line.to_uppercase());
//!     }
//!     Ok(())
//! }
//!
//! #[derive(App)]
//! #[app(background = [read])]
//! struct Shout {}
//!
//! #[lifecycle::main]
//! async fn main(_app: Shout, shutdown: Shutdown) {
//!     shutdown.requested().await;
//! }
//! ```
//!
//! Such a worker must not be restarted: each run would start another thread, and the previous one takes the next line.
//!
//! # Terminals
//!
//! - An application in the background (`app &`) that reads from its terminal is stopped by SIGTTIN until `fg`. Start it
//!   with `app < /dev/null &` if it does not need the input.
//! - Without standard input, as under systemd or `docker run` without `-i`, the first read returns the end of the input:
//!   the program above stops at once. Start such a worker only if `std::io::stdin().is_terminal()`.
//! - Lines of the [console](super::super::console) are drawn below the cursor, and do not overwrite what is typed.
