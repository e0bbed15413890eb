//! Admission: counting work in flight, and closing, as one atomic step.
//!
//! Invariants:
//!
//! 1. Whoever adds and then sees `closed` unset is counted by the close: of {add, load closed} and {store closed, sum}
//!    one sees the other, since all four are sequentially consistent.
//! 2. Whoever sees `closed` set after adding takes its unit back and is refused.
//! 3. After closing, whoever brings the sum to zero reports it; it may be reported more than once, never too early.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};

/// Counts work in flight for an app.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Counter>);

struct Counter {
    in_flight: AtomicI64,
    closed: AtomicBool,
    on_idle: Box<dyn Fn() + Send + Sync>,
}

/// One unit of work in flight: the drain waits until it is dropped. A clone counts as another unit, also while draining,
/// so that admitted work can fan out.
#[must_use = "the work counts as ended when this is dropped"]
pub struct InFlight(Arc<Counter>);

/// The app is draining: no new work is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the app is stopping and admits no new work")]
pub struct Draining;

impl Admission {
    /// `on_idle` is called whenever, after closing, nothing is in flight any more.
    pub(crate) fn new(on_idle: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Counter {
            in_flight: AtomicI64::new(0),
            closed: AtomicBool::new(false),
            on_idle: Box::new(on_idle),
        }))
    }

    pub(crate) fn admit(&self) -> Result<InFlight, Draining> {
        self.0.in_flight.fetch_add(1, SeqCst);
        let unit = InFlight(Arc::clone(&self.0));
        if self.0.closed.load(SeqCst) {
            return Err(Draining);
        }
        Ok(unit)
    }

    /// Admits nothing more; returns what is in flight.
    pub(crate) fn close(&self) -> u64 {
        self.0.closed.store(true, SeqCst);
        self.in_flight()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        u64::try_from(self.0.in_flight.load(SeqCst)).unwrap_or(0)
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

impl Clone for InFlight {
    fn clone(&self) -> Self {
        self.0.in_flight.fetch_add(1, SeqCst);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, SeqCst) == 1 && self.0.closed.load(SeqCst) {
            (self.0.on_idle)();
        }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InFlight")
    }
}
