//! The ways into a life other than `main`: the builder, and tests.

pub(crate) mod builder;
mod end_of_life;
pub(crate) mod running;
pub(crate) mod start_error;
pub(crate) mod test;
