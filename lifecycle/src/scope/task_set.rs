//! The set of the tasks of a scope.
//!
//! Invariants:
//!
//! 1. A task is in the set from before it is spawned until its future has been dropped: while the set is empty, no user
//!    code of its tasks runs.
//! 2. The lock guards the set only: futures are dropped, handles aborted and `on_idle` called without it, since all of
//!    these may run user code or use the set again.
//! 3. Once `closed` is set, no task is spawned.
//! 4. A key identifies one task, even after another task has taken over its slot.

use std::borrow::Cow;
use std::fmt;
use std::sync::PoisonError;

use tokio::task::AbortHandle;

use crate::base::sync::{Mutex, MutexGuard};

/// The tasks of a scope.
#[derive(Default)]
pub(crate) struct TaskSet(Mutex<Set>);

#[derive(Default)]
struct Set {
    next: u64,
    /// The slots for tasks. They are reused, so that spawning allocates only when more tasks run at once than before.
    slots: Vec<Option<Entry>>,
    /// The indices of the empty slots.
    free: Vec<u32>,
    closed: bool,
    on_idle: Option<Box<dyn FnOnce() + Send>>,
}

struct Entry {
    id: u64,
    name: Cow<'static, str>,
    abort: Option<AbortHandle>,
}

/// Identifies a task of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    slot: u32,
    /// Tells the task from others that use the same slot before or after it (invariant 4).
    id: u64,
}

/// How many slots an empty set keeps; it frees more than that.
const KEPT: usize = 1_024;

impl Set {
    fn running(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn tasks(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().flatten()
    }

    fn task(&mut self, key: Key) -> Option<&mut Entry> {
        let task = self.slots.get_mut(key.slot as usize)?.as_mut();
        task.filter(|task| task.id == key.id)
    }
}

impl fmt::Debug for TaskSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskSet").field(&self.len()).finish()
    }
}

impl TaskSet {
    pub(crate) fn len(&self) -> usize {
        self.lock().running()
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, name: Cow<'static, str>) -> Option<Key> {
        let mut set = self.lock();
        if set.closed {
            return None;
        }
        set.next += 1;
        let id = set.next;
        let slot = set.free.pop().unwrap_or_else(|| {
            set.slots.push(None);
            u32::try_from(set.slots.len() - 1).expect("fewer than 2^32 tasks")
        });
        set.slots[slot as usize] = Some(Entry {
            id,
            name,
            abort: None,
        });
        Some(Key { slot, id })
    }

    /// Stores the handle that cancels the task. Returns whether the set is closed: [`TaskSet::cancel`] may have run between
    /// the insertion and this call, without a handle to abort, so that the caller has to abort the task.
    pub(crate) fn attach(&self, key: Key, abort: AbortHandle) -> bool {
        let mut set = self.lock();
        if let Some(task) = set.task(key) {
            task.abort = Some(abort);
        }
        set.closed
    }

    pub(crate) fn name(&self, key: Key) -> Option<Cow<'static, str>> {
        self.lock().task(key).map(|task| task.name.clone())
    }

    /// Removes a task that has ended.
    pub(crate) fn remove(&self, key: Key) {
        let mut set = self.lock();
        let task = set.slots[key.slot as usize].take();
        set.free.push(key.slot);
        let mut on_idle = None;
        if set.running() == 0 {
            on_idle = set.on_idle.take();
            if set.slots.len() > KEPT {
                set.slots = Vec::new();
                set.free = Vec::new();
            }
        }
        drop(set);
        drop(task);
        if let Some(call) = on_idle {
            call();
        }
    }

    /// Returns true if no task runs. Otherwise `call` is called once the last task has ended.
    pub(crate) fn idle_or(&self, call: impl FnOnce() + Send + 'static) -> bool {
        let mut set = self.lock();
        if set.running() == 0 {
            return true;
        }
        set.on_idle = Some(Box::new(call));
        false
    }

    /// Like [`TaskSet::idle_or`], and closes the set in the same step if no task runs: none can be spawned between the check
    /// and the close.
    pub(crate) fn close_or(&self, call: impl FnOnce() + Send + 'static) -> bool {
        let mut set = self.lock();
        if set.running() == 0 {
            set.closed = true;
            return true;
        }
        set.on_idle = Some(Box::new(call));
        false
    }

    /// Refuses further tasks; running ones go on.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Refuses further tasks and cancels the running ones; returns how many these are.
    pub(crate) fn cancel(&self) -> usize {
        let handles: Vec<_> = {
            let mut set = self.lock();
            set.closed = true;
            set.tasks().map(|task| task.abort.clone()).collect()
        };
        handles.iter().flatten().for_each(AbortHandle::abort);
        handles.len()
    }

    /// The names of the running tasks, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .lock()
            .tasks()
            .map(|task| task.name.to_string())
            .collect();
        names.sort_unstable();
        names
    }
}

#[cfg(all(test, lifecycle_loom))]
mod models {
    use std::sync::Arc;
    use std::sync::atomic::Ordering::Relaxed;

    use loom::sync::Notify;
    use loom::sync::atomic::AtomicBool;
    use loom::thread;
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    #[test]
    fn a_set_that_closes_when_idle_misses_no_task() {
        loom::model(|| {
            let set = Arc::new(TaskSet::default());
            let ended: Arc<[AtomicBool; 2]> =
                Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
            let tasks = [0, 1].map(|id| {
                let (set, ended) = (Arc::clone(&set), Arc::clone(&ended));
                thread::spawn(move || {
                    let key = set.insert("task".into());
                    if let Some(key) = key {
                        ended[id].store(true, Relaxed);
                        set.remove(key);
                    }
                    key.is_some()
                })
            });
            let idle = Arc::new(Notify::new());
            loop {
                let (idle_set, notify) = (Arc::clone(&set), Arc::clone(&idle));
                let over = set.close_or(move || {
                    // No lock is held, so that the callback may use the set.
                    let _ = idle_set.len();
                    notify.notify();
                });
                if over {
                    break;
                }
                idle.wait();
            }
            let seen = [ended[0].load(Relaxed), ended[1].load(Relaxed)];
            for (id, task) in tasks.into_iter().enumerate() {
                let spawned = task.join().expect("it does not panic");
                assert!(seen[id] || !spawned, "over while {id} runs");
            }
            assert_eq!(set.insert("late".into()), None);
        });
    }

    #[test]
    fn an_idle_open_set_shows_the_end_of_its_tasks() {
        loom::model(|| {
            let set = Arc::new(TaskSet::default());
            let ended = Arc::new(AtomicBool::new(false));
            let key = set.insert("task".into()).expect("it is not closed");
            let task = {
                let (set, ended) = (Arc::clone(&set), Arc::clone(&ended));
                thread::spawn(move || {
                    ended.store(true, Relaxed);
                    set.remove(key);
                })
            };
            let idle = Arc::new(Notify::new());
            while !set.idle_or({
                let idle = Arc::clone(&idle);
                move || idle.notify()
            }) {
                idle.wait();
            }
            assert!(ended.load(Relaxed), "idle while it runs");
            task.join().expect("it does not panic");
        });
    }

    /// The abort handles are tokio's, of tasks that never run, on a runtime that loom does not model.
    fn runtime() -> Runtime {
        Builder::new_current_thread().build().expect("a runtime")
    }

    #[test]
    fn a_task_spawned_during_cancel_is_cancelled_or_refused() {
        loom::model(|| {
            let set = Arc::new(TaskSet::default());
            let runtime = Arc::new(runtime());
            let spawned = {
                let (set, runtime) = (Arc::clone(&set), Arc::clone(&runtime));
                thread::spawn(move || {
                    let key = set.insert("task".into())?;
                    let task = runtime.spawn(std::future::pending::<()>());
                    if set.attach(key, task.abort_handle()) {
                        task.abort();
                    }
                    Some(task)
                })
            };
            set.cancel();
            if let Some(task) = spawned.join().expect("it does not panic") {
                runtime.block_on(tokio::task::yield_now());
                assert!(task.is_finished(), "it goes on");
            }
        });
    }
}
