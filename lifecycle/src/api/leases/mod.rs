//! [`Leases`]: what a resource has lent out.
//!
//! Invariants:
//!
//! 1. A lease is in the book from before it is handed out until after its value has been dropped: who sees the book
//!    empty sees no value outside.
//! 2. Numbers only grow, so that the book is in the order in which leases were taken, the oldest first.
//! 3. The lock guards the book alone: values are dropped and waiters woken without it.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::base::duration::show;

/// How many leases a report names.
const NAMED: usize = 16;

/// Counts what a resource has lent out. Each lease remembers where it was taken and since when, so that the report names
/// those that never came back. Cheap to clone; clones count together.
///
/// ```
/// use std::sync::Arc;
///
/// use lifecycle::{Lease, Leases, resource};
/// use tokio::sync::{OwnedSemaphorePermit, Semaphore};
///
/// struct Gpu {
///     slots: Arc<Semaphore>,
///     leases: Leases,
/// }
///
/// #[resource(timeout = "5s")]
/// impl Gpu {
///     fn start() -> Self {
///         Self { slots: Arc::new(Semaphore::new(4)), leases: Leases::new() }
///     }
///
///     /// All that could ask for a slot has ended by now: what is out comes back, or the time is over.
///     async fn stop(&self) {
///         self.leases.returned().await;
///     }
///
///     fn in_use(&self) -> usize {
///         self.leases.count()
///     }
/// }
///
/// impl Gpu {
///     /// The place that is remembered is the caller's.
///     #[track_caller]
///     fn try_slot(&self) -> Option<Lease<OwnedSemaphorePermit>> {
///         let permit = Arc::clone(&self.slots).try_acquire_owned().ok()?;
///         Some(self.leases.lend(permit))
///     }
/// }
/// ```
///
/// An `async fn` cannot be `#[track_caller]`; a function that returns a future can. See [`Leases::lend_at`].
#[derive(Clone, Default)]
pub struct Leases(Arc<Shared>);

#[derive(Default)]
struct Shared {
    book: Mutex<Book>,
    /// Woken when the last lease has come back.
    empty: Notify,
}

#[derive(Default)]
struct Book {
    next: u64,
    out: BTreeMap<u64, Taken>,
}

struct Taken {
    at: &'static Location<'static>,
    since: Instant,
}

/// Something lent out: it stands for the value, and is given back when it is dropped, after the value.
#[must_use = "the lease ends when this is dropped"]
pub struct Lease<T = ()> {
    // Dropped first, also when its destructor panics.
    value: T,
    #[expect(dead_code, reason = "it is the drop that gives back")]
    entry: Entry,
}

/// The entry of a lease in the book.
struct Entry {
    number: u64,
    shared: Arc<Shared>,
}

/// What a resource had lent out around its stop, as its [`in_use`](crate::Resource::in_use) said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseCounts {
    /// Outstanding leases when the stop began: all that depend on the resource had ended by then.
    pub before_stop: usize,
    /// Outstanding leases after the stop: leaked.
    pub after_stop: usize,
    /// The oldest of the leaked leases, at most 16, if `in_use` asks [`Leases::count`].
    pub oldest: Vec<Outstanding>,
}

/// A lease that is out. Displays as `src/search.rs:42 for 3s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outstanding {
    at: &'static Location<'static>,
    age: Duration,
}

impl Leases {
    /// Nothing is lent out yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lends the value out, and remembers the caller as the place where it was taken.
    #[track_caller]
    pub fn lend<T>(&self, value: T) -> Lease<T> {
        self.lend_at(Location::caller(), value)
    }

    /// Lends the value out, and remembers that place: for values that come out of a future.
    ///
    /// ```
    /// use std::future::Future;
    /// use std::panic::Location;
    ///
    /// use lifecycle::{Lease, Leases};
    /// # struct Connection;
    /// # struct Pool;
    /// # impl Pool { async fn acquire(&self) -> std::io::Result<Connection> { Ok(Connection) } }
    ///
    /// struct Database { pool: Pool, leases: Leases }
    ///
    /// impl Database {
    ///     #[track_caller]
    ///     fn connection(&self) -> impl Future<Output = std::io::Result<Lease<Connection>>> {
    ///         let caller = Location::caller();
    ///         async move { Ok(self.leases.lend_at(caller, self.pool.acquire().await?)) }
    ///     }
    /// }
    /// ```
    pub fn lend_at<T>(&self, place: &'static Location<'static>, value: T) -> Lease<T> {
        let taken = Taken {
            at: place,
            since: Instant::now(),
        };
        let mut book = self.0.lock();
        let number = book.next;
        book.next += 1;
        book.out.insert(number, taken);
        drop(book);
        let entry = Entry {
            number,
            shared: Arc::clone(&self.0),
        };
        Lease { value, entry }
    }

    /// How many leases are out. An `in_use` that asks this is also how their places reach the report.
    #[must_use]
    pub fn count(&self) -> usize {
        self.tell();
        self.0.lock().out.len()
    }

    /// The leases that are out, the oldest first.
    #[must_use]
    pub fn outstanding(&self) -> Vec<Outstanding> {
        self.0.lock().outstanding().collect()
    }

    /// Waits until no lease is out.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping it and calling again loses nothing.
    pub fn returned(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = Arc::clone(&self.0);
        async move {
            loop {
                // It hears what is told from here on, so that no return can fall between.
                let empty = shared.empty.notified();
                if shared.lock().out.is_empty() {
                    return;
                }
                empty.await;
            }
        }
    }
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.0.lock();
        f.debug_tuple("Leases").field(&book.out.len()).finish()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn outstanding(&self) -> impl Iterator<Item = Outstanding> {
        let now = Instant::now();
        self.out.values().map(move |taken| Outstanding {
            at: taken.at,
            age: now.saturating_duration_since(taken.since),
        })
    }
}

impl<T> Lease<T> {
    /// Ends the lease and keeps the value.
    pub fn into_inner(lease: Self) -> T {
        lease.value
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Lease<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.value).finish()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut book = self.shared.lock();
        book.out.remove(&self.number);
        let empty = book.out.is_empty();
        drop(book);
        if empty {
            self.shared.empty.notify_waiters();
        }
    }
}

impl Outstanding {
    /// Where it was taken.
    #[must_use]
    pub fn place(&self) -> &'static Location<'static> {
        self.at
    }

    /// How long it has been out.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }
}

impl fmt::Display for Outstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line) = (self.at.file(), self.at.line());
        write!(f, "{file}:{line} for {}", show(self.age))
    }
}

thread_local! {
    /// Those whose count is asked for while an `in_use` runs.
    static ASKED: RefCell<Option<Vec<Leases>>> = const { RefCell::new(None) };
}

/// Calls an `in_use`. It returns a mere number, since not all that is lent out is counted here; the leases behind that
/// number are those of whichever `Leases` it asks. The oldest of them come with it, no more than a report names.
pub(crate) fn ask(in_use: impl FnOnce() -> usize) -> (usize, Vec<Outstanding>) {
    /// Ends the asking, also when `in_use` panics.
    struct Asking;

    impl Drop for Asking {
        fn drop(&mut self) {
            ASKED.take();
        }
    }

    ASKED.set(Some(Vec::new()));
    let asking = Asking;
    let count = in_use();
    let asked = ASKED.take().unwrap_or_default();
    drop(asking);
    let mut oldest: Vec<Outstanding> = asked
        .iter()
        .flat_map(|leases| {
            leases
                .0
                .lock()
                .outstanding()
                .take(NAMED)
                .collect::<Vec<_>>()
        })
        .collect();
    oldest.sort_by_key(|lease| Reverse(lease.age));
    oldest.truncate(NAMED.min(count));
    (count, oldest)
}

impl Leases {
    /// Says to an `in_use` that runs on this thread that it was asked.
    fn tell(&self) {
        let _ = ASKED.try_with(|asked| {
            if let Some(asked) = &mut *asked.borrow_mut()
                && !asked.iter().any(|known| Arc::ptr_eq(&known.0, &self.0))
            {
                asked.push(self.clone());
            }
        });
    }
}

#[cfg(test)]
mod tests;
