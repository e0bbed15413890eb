//! The proof: what the compiler finds out about an app from its static records. It refuses cycles, orders that contradict
//! dependencies, and shutdowns that cannot fit.
//!
//! Everything is `const fn`, without allocation and without recursion; the memory is fixed arrays, small ones first. The
//! compiler's lint against long constant evaluation counts each step, so everything is linear. The plan examines the
//! components of the whole binary with the same [`search`] and the same [`budget`] before anything starts.

mod app;
pub(crate) mod budget;
pub(crate) mod graph;
mod parameter;
mod reach;
pub(crate) mod search;
mod verdict;
pub(crate) mod wording;

pub use self::app::check_app;
pub use self::parameter::{check_edge, check_one_app};
pub use self::verdict::Verdict;
