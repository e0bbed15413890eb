//! The set of the tasks of a scope.
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
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// The tasks of a scope.
#[derive(Default)]
pub(crate) struct TaskSet(Mutex<Set>);

#[derive(Default)]
struct Set {
    next: u64,
    running: HashMap<u64, (Cow<'static, str>, Option<AbortHandle>)>,
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
    pub(crate) fn len(&self) -> usize {
        self.lock().running.len()
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, name: Cow<'static, str>) -> Option<u64> {
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
    pub(crate) fn attach(&self, key: u64, abort: AbortHandle) -> bool {
        let mut set = self.lock();
        let closed = set.closed;
        if let Some(entry) = set.running.get_mut(&key) {
            entry.1 = Some(abort);
        }
        closed
    }

    /// Takes out a task that has ended; returns its name.
    pub(crate) fn remove(&self, key: u64) -> Option<Cow<'static, str>> {
        let mut set = self.lock();
        let entry = set.running.remove(&key);
        let on_idle = if set.running.is_empty() {
            set.on_idle.take()
        } else {
            None
        };
        drop(set);
        if let Some(call) = on_idle {
            call();
        }
        entry.map(|(name, _)| name)
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

    /// As [`TaskSet::idle_or`]; where there is nothing to wait for, the set refuses further tasks from the same moment on.
    pub(crate) fn close_or(&self, call: impl FnOnce() + Send + 'static) -> bool {
        let mut set = self.lock();
        if set.running.is_empty() {
            set.closed = true;
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
}
