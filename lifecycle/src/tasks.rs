//! [`Tasks`]: tracked, named tasks within a scope.
//!
//! Invariants:
//!
//! 1. A task is in the set from before it is spawned until its future has been dropped: who sees the set empty sees no
//!    user code of its tasks running.
//! 2. The lock guards the set alone: futures are dropped, handles aborted and `on_idle` called without it.
//! 3. Once `closed`, nothing is spawned any more.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::task::{AbortHandle, JoinHandle};

use crate::error::panic_message;
use crate::scope::Scope;

/// Spawns tasks that end with the scope: told to stop with it (give them a [`Shutdown`](crate::Shutdown)), awaited
/// within its time, then cancelled. Those that did not end even then are named in the report.
///
/// ```
/// use lifecycle::{Shutdown, background};
///
/// #[background]
/// async fn consume(shutdown: Shutdown) {
///     let tasks = shutdown.tasks();
///     let told = shutdown.clone();
///     tasks.spawn("consume/refresh", async move { told.requested().await });
///     shutdown.requested().await;
/// }
/// ```
#[derive(Clone)]
pub struct Tasks {
    scope: Arc<Scope>,
}

impl Tasks {
    pub(crate) fn new(scope: Arc<Scope>) -> Self {
        Self { scope }
    }

    /// Spawns the future on the app's runtime, from any thread. Dropping the handle leaves the task running. Once the
    /// scope has been cut off nothing is spawned any more: the future is dropped and the handle says
    /// [`TaskError::Cancelled`].
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let name = name.into();
        let Some(key) = self.scope.tasks.insert(name.clone()) else {
            return Task { handle: None, name };
        };
        let tracked = Tracked {
            future: Some(Box::pin(future)),
            key,
            scope: Arc::clone(&self.scope),
            panic: None,
        };
        let handle = self.scope.app.runtime.spawn(tracked);
        if self.scope.tasks.attach(key, handle.abort_handle()) {
            handle.abort();
        }
        Task {
            handle: Some(handle),
            name,
        }
    }

    /// How many are running.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scope.tasks.lock().running.len()
    }

    /// Whether none is running.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks")
            .field("scope", &self.scope.name)
            .field("running", &self.len())
            .finish()
    }
}

/// The handle of a tracked task: await it for its result.
#[derive(Debug)]
pub struct Task<T> {
    handle: Option<JoinHandle<T>>,
    name: Cow<'static, str>,
}

/// Why a tracked task gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// It was cancelled, or the scope had ended before it was spawned.
    #[error("the task was cancelled")]
    Cancelled,
    /// It panicked, with this message.
    #[error("the task panicked: {0}")]
    Panicked(String),
}

impl<T> Task<T> {
    /// The name that it was spawned with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Cancels it at its next await point.
    pub fn abort(&self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(handle) = &mut self.handle else {
            return Poll::Ready(Err(TaskError::Cancelled));
        };
        Pin::new(handle)
            .poll(context)
            .map_err(|error| match error.try_into_panic() {
                Ok(payload) => TaskError::Panicked(panic_message(&*payload)),
                Err(_) => TaskError::Cancelled,
            })
    }
}

/// The tasks of a scope.
#[derive(Default)]
pub(crate) struct TaskSet(Mutex<Set>);

#[derive(Default)]
struct Set {
    next: u64,
    running: HashMap<u64, (Cow<'static, str>, Option<AbortHandle>)>,
    panicked: Vec<(String, String)>,
    closed: bool,
    on_idle: Option<Box<dyn FnOnce() + Send>>,
}

impl fmt::Debug for TaskSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskSet")
            .field(&self.lock().running.len())
            .finish()
    }
}

impl TaskSet {
    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, name: Cow<'static, str>) -> Option<u64> {
        let mut set = self.lock();
        if set.closed {
            return None;
        }
        set.next += 1;
        let key = set.next;
        set.running.insert(key, (name, None));
        Some(key)
    }

    /// Keeps the handle by which the task is cancelled; true when the set was closed in between.
    fn attach(&self, key: u64, abort: AbortHandle) -> bool {
        let mut set = self.lock();
        let closed = set.closed;
        if let Some(entry) = set.running.get_mut(&key) {
            entry.1 = Some(abort);
        }
        closed
    }

    fn remove(&self, key: u64, panic: Option<String>) {
        let mut set = self.lock();
        let entry = set.running.remove(&key);
        if let (Some(message), Some((name, _))) = (panic, entry) {
            set.panicked.push((name.into_owned(), message));
        }
        let on_idle = if set.running.is_empty() {
            set.on_idle.take()
        } else {
            None
        };
        drop(set);
        if let Some(call) = on_idle {
            call();
        }
    }

    /// Whether there is nothing to wait for. Otherwise `call` is called once the last task has ended.
    pub(crate) fn idle_or(&self, call: impl FnOnce() + Send + 'static) -> bool {
        let mut set = self.lock();
        if set.running.is_empty() {
            return true;
        }
        set.on_idle = Some(Box::new(call));
        false
    }

    /// Refuses further tasks.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Refuses further tasks and cancels those that run; returns how many.
    pub(crate) fn cancel(&self) -> usize {
        let handles: Vec<_> = {
            let mut set = self.lock();
            set.closed = true;
            set.running
                .values()
                .map(|(_, abort)| abort.clone())
                .collect()
        };
        handles.iter().flatten().for_each(AbortHandle::abort);
        handles.len()
    }

    /// The names of those that run, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .lock()
            .running
            .values()
            .map(|(name, _)| name.to_string())
            .collect();
        names.sort_unstable();
        names
    }

    /// The names of those that panicked since the last look, with what they said.
    pub(crate) fn take_panicked(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.lock().panicked)
    }
}

/// The future of a tracked task: it leaves the set when it has been dropped, however it ended.
struct Tracked<F> {
    future: Option<Pin<Box<F>>>,
    key: u64,
    scope: Arc<Scope>,
    panic: Option<String>,
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(payload) => {
                self.panic = Some(panic_message(&*payload));
                resume_unwind(payload)
            }
        }
    }
}

impl<F> Drop for Tracked<F> {
    fn drop(&mut self) {
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(self.future.take())));
        let panic = self.panic.take().or_else(|| {
            dropped
                .as_ref()
                .err()
                .map(|payload| panic_message(&**payload))
        });
        self.scope.tasks.remove(self.key, panic);
        if let (Err(payload), false) = (dropped, std::thread::panicking()) {
            resume_unwind(payload);
        }
    }
}
