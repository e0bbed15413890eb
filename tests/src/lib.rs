//! Whole-program tests of what a user can see.
//!
//! `bin/` holds the programs, two of each where the flavour of the runtime matters, made of one module in `fixtures/`.
//! What their hooks do is said by their arguments ([`act`], [`faults`]); that they did it is written to a pipe ([`evidence`]); the
//! tests in `tests/` start them, wait for lines of that pipe, and look at how they ended ([`run`]). Many at random, with
//! many faults, are [`days`]. What works on a database or a cache may have a server of its own ([`postgres`], [`redis`]).
//! What somebody sees at a terminal is read off its screen ([`terminal`]). How late the machine was meanwhile is known, too
//! ([`canary`]).
//!
//! Tests whose instants differ from run to run print a `SEED`, which can be given again, and take the number of their
//! runs from `RUNS` ([`random`]): `RUNS=1000 cargo test -p lifecycle-tests --test signals -- --nocapture c1 c2`.

pub mod act;
pub mod canary;
pub mod days;
pub mod evidence;
pub mod faults;
pub mod forged;
pub mod http;
pub mod postgres;
pub mod random;
pub mod recorder;
pub mod redis;
pub mod run;
mod sys;
pub mod terminal;
pub mod web;
