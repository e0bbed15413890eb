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
use std::sync::PoisonError;

use tokio::task::AbortHandle;

use crate::sync::{Mutex, MutexGuard};

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

    pub(crate) fn name(&self, key: u64) -> Option<Cow<'static, str>> {
        let set = self.lock();
        set.running.get(&key).map(|(name, _)| name.clone())
    }

    /// Takes out a task that has ended.
    pub(crate) fn remove(&self, key: u64) {
        let mut set = self.lock();
        set.running.remove(&key);
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
    fn a_set_that_closes_when_idle_leaves_no_task_unnoticed() {
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
                let (idle_of, told) = (Arc::clone(&set), Arc::clone(&idle));
                let over = set.close_or(move || {
                    // It is free to ask the set: no lock is held.
                    let _ = idle_of.len();
                    told.notify();
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
    fn who_waits_for_a_set_that_stays_open_sees_the_end_of_what_it_saw_running() {
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
            let told = Arc::clone(&idle);
            while !set.idle_or({
                let told = Arc::clone(&told);
                move || told.notify()
            }) {
                idle.wait();
            }
            assert!(ended.load(Relaxed), "idle while it runs");
            task.join().expect("it does not panic");
        });
    }

    /// Handles to cancel are tokio's: of tasks that never run, on a runtime that no model sees.
    fn runtime() -> Runtime {
        Builder::new_current_thread().build().expect("a runtime")
    }

    #[test]
    fn what_is_spawned_while_all_are_cancelled_is_cancelled_or_refused() {
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
