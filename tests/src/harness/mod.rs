//! Starts programs, waits for what they do, and judges how they ended.
//!
//! # Starting a program
//!
//! [`program!`](crate::program) names a binary of this package, [`Program::new`] any other by its path. A program starts
//! in an environment without `LIFECYCLE_*` variables. Its arguments say what its hooks do (see [`act`](crate::act)):
//!
//! ```no_run
//! # use lifecycle_tests::harness::Program;
//! let mut run = Program::new("target/debug/chain") // `program!("chain")` in a test
//!     .with("c.stop=slow:200")
//!     .limits("5s", "1s") // shutdown_timeout and emergency_timeout
//!     .up();
//! let asked = run.terminate();
//! run.end()
//!     .expect_code(0)
//!     .expect_names("stop ok", "e d c b a")
//!     .expect_after(asked, "c.stop ok", 200..400);
//! ```
//!
//! [`Program::start`] returns at once, [`Program::up`] when the body of `main` has begun, and [`Program::run`] at the end
//! of the program. [`Program::stop`], [`Program::stop_after`] and [`Program::stop_within`] also ask it to stop. [`Program::through`] puts a shell before it, for redirections, limits and traps, and
//! [`Program::launched_by`] another program, for a session without a terminal.
//!
//! # Waiting for evidence
//!
//! Programs write what they do to a pipe that they inherit as standard input ([`evidence`]), one line with a time stamp
//! for each event. [`Run::until`] waits for such a line, [`Run::until_stderr`] and [`Run::until_stdout`] wait for output.
//! A test never sleeps until something has happened. All waits have a limit of 30 s, far beyond what any test expects;
//! a wait that exceeds it kills the program and panics with everything that is known of it.
//!
//! # Signals
//!
//! [`Run::terminate`] and [`Run::signal`] return the instant at which they sent the signal, from which bounds are counted.
//! [`Run::another`] sends a signal late enough to count as a second one.
//!
//! # Terminals
//!
//! [`Terminal`](terminal::Terminal) runs a program at a pseudo-terminal of a given size, types keys, and reads the screen
//! from an emulator.
//!
//! # Judging the end
//!
//! [`Run::end`] waits for the program and returns its [`End`]: exit code, signal, evidence, outputs, and the instant at
//! which the process was gone. Its `expect_*` methods panic with all of that; each returns the [`End`], so that they can be
//! chained.
//!
//! # Late machines
//!
//! A program that has to wait 200 ms for a processor misses bounds although it is right. Wider bounds would find less on
//! every machine. Therefore the [`canary`] measures how late the machine wakes sleeping threads while programs run:
//!
//! - Upper bounds of [`End::expect_took`], [`End::expect_after`] and [`End::expect_gone`] move by the measured lateness.
//!   They need nothing from the test.
//! - Where lateness changes what happens, and not only when (which of two timers fires first, and so the exit code), wrap
//!   the case in [`unless_late`](canary::unless_late): it runs the case again if it failed while the machine was late.
//!
//! On a machine that is on time neither changes anything, so a test that fails now and then still fails.
//!
//! # Tests of one process
//!
//! Tests share a process with all other tests of their binary. A test that changes something of the process runs its body
//! with [`alone`].

mod alone;
pub mod canary;
mod end;
pub mod evidence;
mod lines;
mod outputs;
mod program;
mod run;
pub(crate) mod sys;
pub mod terminal;

use std::time::Duration;

pub use self::alone::alone;
pub use self::end::End;
pub use self::lines::Line;
pub use self::outputs::{folder, full, gone};
pub use self::program::Program;
pub use self::run::{Run, Signal};

/// The limit of a wait, far beyond what a test expects.
const LIMIT: Duration = Duration::from_secs(30);
