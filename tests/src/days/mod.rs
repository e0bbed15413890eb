//! Random days: programs with random faults, and signals at random instants, side by side.
//!
//! A day is drawn from a seed ([`day`]) out of tables of programs and faults ([`table`]), run ([`run`]), judged by what
//! must hold on every day ([`judge`]), and counted ([`tally`]).

pub mod day;
// The rules for exit codes are those of the simulation in the framework's own tests. That file is compiled there under
// `cfg(test)` only, so that this crate cannot import it; and the framework cannot depend on its tests.
#[path = "../../../lifecycle/src/life/simulation/exit_code.rs"]
mod exit_code;
pub mod judge;
pub mod run;
pub mod table;
pub mod tally;
