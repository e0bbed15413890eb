//! What is seen on a terminal. Feature `console`, on by default.
//!
//! Where standard error is a terminal, it gets a line for each thing that has happened and, below that, what is under way:
//! a line for each component that takes longer than 150 ms, with the time used and allowed, then one that says how far all
//! of it is, who waits for whom, what is still in flight, and what another Ctrl+C does.
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
//! It ends with a summary: one line where all went well, else also what did not. What is drawn fits the width of the
//! terminal, leaves what the app prints alone, and comes back after Ctrl+Z and `fg`; in the background nothing is drawn.
//! `NO_COLOR` takes the colours away. Elsewhere there are the `tracing` events of the target `lifecycle`, and what a
//! person must know goes to standard error. `LIFECYCLE_CONSOLE=off` has that on a terminal, too; `on` has the lines, without
//! what is drawn, where there is no terminal.
