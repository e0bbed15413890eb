//! Random worlds under paused time: graphs, hooks, faults and instants from a seed, checked against the invariants; and
//! fixed worlds that are stopped and forced at every step of their driver.
//!
//! A failure names the seed; `LIFECYCLE_SEED=17 cargo test -p lifecycle --lib simulation` replays that world alone and
//! prints its story. `LIFECYCLE_WORLDS=100000` sets how many there are.

mod evidence;
mod exit_code;
mod generate;
mod hooks;
mod invariants;
mod lead;
mod random;
mod steps;
mod tests;
mod world;

pub(super) use self::lead::{interposed, jitter};
