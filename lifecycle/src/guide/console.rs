//! Show the progress of startup and shutdown on a terminal. Feature `console`, on by default.
//!
//! When standard error is a terminal, the framework writes one line for each event. Below these lines it draws what is
//! in progress: a line for each component that takes longer than 150 ms, with its elapsed time and its limit, and a
//! status line. The status line shows the overall progress, the component that is waited for, the work in flight, and
//! what another Ctrl+C does.
//!
//! ```text
//! ✓ config started in 3ms
//!
//! ⠹ starting database 3s / 10s
//! ⠹ 1 of 4 up; Ctrl+C stops; cache waits for database
//! ```
//!
//! ```text
//! ■ stopping (SIGINT), in 25s at most; Ctrl+C again forces
//!
//! ⠼ stopping serve 3s / 8s
//! ⠼ draining 3s / 20s: 12 in flight (serve 10, chat 2), 1 task; Ctrl+C forces
//! ```
//!
//! The last output is a summary: one line after a clean stop, otherwise also a line for each problem. The progress
//! display fits the width of the terminal, does not disturb the output of the application, and returns after Ctrl+Z and
//! `fg`; a background process draws nothing. `NO_COLOR` disables colors.
//!
//! | `LIFECYCLE_CONSOLE` | effect |
//! | --- | --- |
//! | `auto` (default) | event lines and the progress display on a terminal; otherwise [log events](super::logs), with warnings and failures on standard error |
//! | `on` | event lines also without a terminal, where no progress display is drawn |
//! | `off` | log events instead of event lines, also on a terminal |
