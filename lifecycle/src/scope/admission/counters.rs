//! [`Counters`]: the work in flight of one scope. The hot path of admission.

use std::fmt;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, AtomicUsize};

use crossbeam_utils::CachePadded;

use super::gate::Gate;
use crate::base::sync::AtomicI64;
use crate::error::Draining;

/// How many counters a scope has. Threads take turns in using them.
#[cfg(not(all(test, lifecycle_loom)))]
pub(super) const SHARDS: usize = 16;
#[cfg(all(test, lifecycle_loom))]
pub(super) const SHARDS: usize = 2;

/// One unit in flight.
pub(super) const UNIT: i64 = 1;
/// One unit in flight that has been admitted, as opposed to a clone.
pub(super) const ADMITTED: i64 = (1 << 32) + UNIT;

/// The counters of a scope.
pub(crate) struct Counters {
    gate: &'static Gate,
    shards: [Shard; SHARDS],
    /// How many units were refused. Metrics show it and nothing depends on it, so that `Relaxed` suffices.
    refused: AtomicU64,
}

/// One counter (invariant 6), on cache lines of its own: two threads that admit on different shards do not wait for each
/// other.
pub(super) struct Shard(CachePadded<AtomicI64>);

/// One unit of work in flight, from [`Shutdown::admit`](crate::Shutdown::admit). The drain waits until it is dropped.
///
/// A clone counts as another unit, even while the app drains, so that admitted work can fan out into further tasks. It
/// holds no value; move it into the future or the thread that does the work.
///
/// ```
/// use lifecycle::{Draining, Shutdown};
///
/// async fn handle(shutdown: &Shutdown) -> Result<(), Draining> {
///     let in_flight = shutdown.admit()?;
///     let log = in_flight.clone();
///     tokio::spawn(async move {
///         let _in_flight = log;
///         // The drain waits for this task as well.
///     });
///     Ok(())
/// }
/// ```
#[must_use = "the work counts as ended when this is dropped"]
pub struct InFlight {
    counters: &'static Counters,
    shard: &'static Shard,
}

impl Counters {
    pub(super) fn new(gate: &'static Gate) -> Self {
        Self {
            gate,
            shards: std::array::from_fn(|_| Shard(CachePadded::new(AtomicI64::new(0)))),
            refused: AtomicU64::new(0),
        }
    }

    pub(crate) fn admit(&'static self) -> Result<InFlight, Draining> {
        self.admit_on(shard_of_thread())
    }

    pub(super) fn admit_on(&'static self, shard: usize) -> Result<InFlight, Draining> {
        let shard = &self.shards[shard];
        // Added before the gate is read (invariant 1).
        shard.0.fetch_add(ADMITTED, SeqCst);
        if self.gate.is_closed() {
            return Err(self.refuse(shard));
        }
        Ok(InFlight {
            counters: self,
            shard,
        })
    }

    #[cold]
    fn refuse(&self, shard: &Shard) -> Draining {
        shard.0.fetch_sub(ADMITTED, SeqCst);
        self.refused.fetch_add(1, Relaxed);
        self.taken_back();
        Draining
    }

    /// How much is in flight.
    pub(super) fn sum(&self) -> u64 {
        let halves = self.shards.iter().map(Shard::halves);
        halves.map(|(in_flight, _)| u64::from(in_flight)).sum()
    }

    pub(super) fn shards(&self) -> &[Shard; SHARDS] {
        &self.shards
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// A unit was taken back after the close (invariant 4).
    #[cold]
    fn taken_back(&self) {
        if self.sum() == 0 {
            self.gate.report_idle();
        }
    }
}

impl Shard {
    /// What is in flight, and how often a unit was admitted, modulo 2^32.
    pub(super) fn halves(&self) -> (u32, u32) {
        let value = self.0.load(SeqCst);
        (value as u32, (value >> 32) as u32)
    }

    /// Counts as if so many units had been admitted and had ended.
    #[cfg(all(test, not(lifecycle_loom)))]
    pub(super) fn pretend(&self, units: u32) {
        let gained = (ADMITTED - UNIT).wrapping_mul(i64::from(units));
        self.0.fetch_add(gained, SeqCst);
    }
}

/// The counter that the calling thread uses: threads are assigned in turn.
fn shard_of_thread() -> usize {
    use std::cell::Cell;

    const NONE: usize = usize::MAX;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static SHARD: Cell<usize> = const { Cell::new(NONE) });
    // A thread that is ending has no thread-locals any more; any counter is right for it.
    SHARD
        .try_with(|shard| {
            if shard.get() == NONE {
                shard.set(NEXT.fetch_add(1, Relaxed) % SHARDS);
            }
            shard.get()
        })
        .unwrap_or(0)
}

impl Clone for InFlight {
    fn clone(&self) -> Self {
        // On the same counter (invariant 3). The gate is not read: what is admitted may fan out.
        self.shard.0.fetch_add(UNIT, SeqCst);
        Self {
            counters: self.counters,
            shard: self.shard,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shard.0.fetch_sub(UNIT, SeqCst);
        if self.counters.gate.is_closed() {
            self.counters.taken_back();
        }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InFlight")
    }
}
