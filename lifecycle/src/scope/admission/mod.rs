//! Admission: counting work in flight, and closing, as one atomic step.
//!
//! Each scope counts its own work on several counters, each on cache lines of its own, so that threads that admit at the
//! same time do not contend. Counters are reused and never freed, so that a unit in flight is two plain references.
//!
//! Invariants:
//!
//! 1. A thread that adds a unit and then sees `closed` unset is counted by the close: of {add, load `closed`} and
//!    {store `closed`, sum}, at least one sees the other, since all four operations are sequentially consistent. With
//!    weaker orderings both could miss each other.
//! 2. A thread that sees `closed` set after adding takes its unit back and is refused.
//! 3. A unit is subtracted from the counter that it was added to, and a clone is added to the same one. So after the
//!    close a counter at zero stays at zero, except for units that are refused, and a sum of zero is true although the
//!    counters are read one after the other.
//! 4. After the close, each thread that takes a unit back sums the counters and reports a sum of zero; the last one of
//!    several sees zero. So idle may be reported more than once, but never too early.
//! 5. Counters are reused only when their sum is zero and their scope has been dropped: then no thread can add to or
//!    subtract from them any more.
//! 6. A counter holds the units in flight in its lower half and the number of admissions in its upper half, so that one
//!    addition changes both. The upper half may overflow; it is read often enough to notice ([`totals`]).

#[expect(
    clippy::module_inception,
    reason = "the folder is named after its main type"
)]
mod admission;
mod counters;
mod gate;
mod totals;

pub(crate) use admission::Admission;
pub(crate) use counters::Counters;
pub use counters::InFlight;
#[cfg_attr(
    not(feature = "admin"),
    expect(unused_imports, reason = "only metrics show it")
)]
pub(crate) use totals::Work;
