//! Tests of whole programs, from the outside.
//!
//! - `bin/` holds the programs. Where the flavor of the runtime matters there are two of each, made from one module in
//!   `fixtures/`. Their arguments say what their hooks do ([`act`]), break ([`faults`]) and start ([`processes`]).
//! - [`harness`] starts the programs, waits for evidence of what they do, and judges how they ended. Read its page first.
//! - The tests are modules of two binaries: `tests/it`, and `tests/load` for the ones that saturate the machine.
//! - [`days`] draws random days: programs with random faults and signals at random instants.
//! - [`postgres`] and [`redis`] start servers, [`http`] and [`web`] are clients.
//! - [`in_process`] starts apps in the process of the test.
//!
//! Tests whose instants differ from run to run print a `SEED`, accept one, and take the number of runs from `RUNS`
//! ([`random`]): `RUNS=1000 cargo test -p lifecycle-tests --test it -- --nocapture signals::c1 signals::c2`.

pub mod act;
pub mod days;
pub mod faults;
pub mod forged;
pub mod harness;
pub mod hostile;
pub mod http;
pub mod in_process;
pub mod postgres;
pub mod processes;
pub mod random;
pub mod recorder;
pub mod redis;
pub mod web;
