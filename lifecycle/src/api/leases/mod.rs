//! [`Leases`]: counts what a resource has lent out.
//!
//! Invariants:
//!
//! 1. A lease is in the book from before it is returned to the caller until after its value has been dropped: while the
//!    book is empty, no value is outstanding.
//! 2. Numbers only grow, so that the book is in the order in which leases were acquired, the oldest first.
//! 3. The lock guards the book only: values are dropped and waiters woken without it.

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

/// How many leases a report lists.
const NAMED: usize = 16;

/// Counts what a resource has lent out, so that the report can list leaked leases.
///
/// A lease records where it was acquired, as `file:line`, and when. The example is a pool of a resource that other
/// components take slots of. Cloning is cheap, and clones count together.
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
///     /// Everything that could take a slot has ended by now. Waits for the outstanding ones, within the timeout.
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
///     /// The caller's location is recorded.
///     #[track_caller]
///     fn try_slot(&self) -> Option<Lease<OwnedSemaphorePermit>> {
///         let permit = Arc::clone(&self.slots).try_acquire_owned().ok()?;
///         Some(self.leases.lend(permit))
///     }
/// }
/// ```
///
/// An `async fn` cannot be `#[track_caller]`, but a function that returns a future can; see [`Leases::lend_at`].
#[derive(Clone, Default)]
pub struct Leases(Arc<Shared>);

#[derive(Default)]
struct Shared {
    book: Mutex<Book>,
    /// Wakes the waiters when the last lease has ended.
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

/// A value that was lent out, from [`Leases::lend`]. The lease ends when this is dropped, after the value.
///
/// It dereferences to the value.
#[must_use = "the lease ends when this is dropped"]
pub struct Lease<T = ()> {
    // Declared first: it is dropped before the entry, even if its destructor panics (invariant 1).
    value: T,
    #[expect(dead_code, reason = "its drop ends the lease")]
    entry: Entry,
}

/// The entry of a lease in the book.
struct Entry {
    number: u64,
    shared: Arc<Shared>,
}

/// How many leases of a resource were outstanding around its stop, as its [`in_use`](crate::Resource::in_use) returned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseCounts {
    /// The leases that were outstanding when the stop began. Everything that depends on the resource had ended by then.
    pub before_stop: usize,
    /// The leases that were outstanding after the stop: leaked ones.
    pub after_stop: usize,
    /// The oldest leaked leases, at most 16, if `in_use` calls [`Leases::count`]; otherwise empty.
    pub oldest: Vec<Outstanding>,
}

/// An outstanding lease: where it was acquired, and how long ago. It displays as `src/search.rs:42 for 3s`.
///
/// ```
/// use lifecycle::Leases;
///
/// let leases = Leases::new();
/// let lease = leases.lend("connection");
/// let outstanding = leases.outstanding();
/// assert_eq!(outstanding[0].place().file(), file!());
/// # drop(lease);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outstanding {
    at: &'static Location<'static>,
    age: Duration,
}

impl Leases {
    /// Creates a count of zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lends the value out, and records the caller as the place where the lease was acquired.
    ///
    /// ```
    /// use lifecycle::{Lease, Leases};
    ///
    /// let leases = Leases::new();
    /// let lease: Lease<&str> = leases.lend("connection");
    /// assert_eq!((lease.len(), leases.count()), (10, 1));
    /// drop(lease);
    /// assert_eq!(leases.count(), 0);
    /// ```
    #[track_caller]
    pub fn lend<T>(&self, value: T) -> Lease<T> {
        self.lend_at(Location::caller(), value)
    }

    /// Lends the value out, and records this place: for values that a future returns.
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

    /// Returns how many leases are outstanding.
    ///
    /// Call it from [`in_use`](crate::Resource::in_use), so that the report can list where these leases were acquired.
    #[must_use]
    pub fn count(&self) -> usize {
        self.record_count();
        self.0.lock().out.len()
    }

    /// Returns the outstanding leases, the oldest first.
    #[must_use]
    pub fn outstanding(&self) -> Vec<Outstanding> {
        self.0.lock().outstanding().collect()
    }

    /// Waits until no lease is outstanding; if none is, the future is ready at once.
    ///
    /// Use it in the `stop` of a resource: everything that could acquire a lease has ended by then.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if it is used in a `select!` and another branch completes first, a new call misses nothing.
    pub fn returned(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = Arc::clone(&self.0);
        async move {
            loop {
                // Registered before the book is read, so that an end in between is not missed.
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
    /// Ends the lease and returns the value.
    ///
    /// This is an associated function, so that it does not hide a method of the value: call it as
    /// `Lease::into_inner(lease)`.
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
    /// Returns the place where the lease was acquired.
    #[must_use]
    pub fn place(&self) -> &'static Location<'static> {
        self.at
    }

    /// Returns how long the lease had been outstanding when it was listed.
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
    /// The `Leases` that the `in_use` which runs on this thread has counted.
    static COUNTED: RefCell<Option<Vec<Leases>>> = const { RefCell::new(None) };
}

/// Calls an `in_use`, and returns its number with the oldest of the leases behind it, at most as many as a report lists.
///
/// An `in_use` returns a mere number, since a resource may count by other means. The leases behind the number are those of
/// the `Leases` that it counts while it runs.
pub(crate) fn ask(in_use: impl FnOnce() -> usize) -> (usize, Vec<Outstanding>) {
    /// Ends the recording, even if `in_use` panics.
    struct Recording;

    impl Drop for Recording {
        fn drop(&mut self) {
            COUNTED.take();
        }
    }

    COUNTED.set(Some(Vec::new()));
    let recording = Recording;
    let count = in_use();
    let counted = COUNTED.take().unwrap_or_default();
    drop(recording);
    let mut oldest: Vec<Outstanding> = counted
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
    /// Records that an `in_use` which runs on this thread has counted these leases.
    fn record_count(&self) {
        let _ = COUNTED.try_with(|counted| {
            if let Some(counted) = &mut *counted.borrow_mut()
                && !counted.iter().any(|known| Arc::ptr_eq(&known.0, &self.0))
            {
                counted.push(self.clone());
            }
        });
    }
}

#[cfg(test)]
mod tests;
