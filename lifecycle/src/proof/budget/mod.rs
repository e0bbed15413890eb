//! What a shutdown takes at worst: constant arithmetic over plain slices, the same for the compile-time check, for the
//! start-time check and for the plan.
//!
//! At run time [`resources`] and [`workers`] do the same as [`stop_chain`] and [`drain`], with vectors.

mod drain;
mod order;
mod stop_chain;
mod sum;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use self::drain::{LEAST_DRAIN, drain, workers};
pub(crate) use self::stop_chain::{Work, resources, stop_chain, words};
pub(crate) use self::sum::Budget;
