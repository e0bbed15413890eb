//! Bad days: programs in which faults are committed at random, one after the other from a seed, side by side.
//!
//! [`table`] says which faults there are and what each may lead to, [`day`] draws a day from a seed, [`live`] leads many
//! of them, [`judge`] says whether what must hold held, [`tally`] sums up.

pub mod day;
pub mod judge;
pub mod live;
pub mod table;
pub mod tally;
