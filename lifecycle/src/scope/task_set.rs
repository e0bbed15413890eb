//! The set of the tasks of a scope.
//!
//! Invariants:
//!
//! 1. A task is in the set from before it is spawned until its future has been dropped: who sees the set empty sees no
//!    user code of its tasks running.
//! 2. The lock guards the set alone: futures are dropped, handles aborted and `on_idle` called without it.
//! 3. Once `closed`, nothing is spawned any more.
//! 4. A key is of one task alone, also when its place has been taken by another.

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
    /// Used by one task after the other, so that spawning takes no memory where there have been as many at a time.
    places: Vec<Option<Entry>>,
    /// The places that nobody has.
    free: Vec<u32>,
    closed: bool,
    on_idle: Option<Box<dyn FnOnce() + Send>>,
}

struct Entry {
    id: u64,
    name: Cow<'static, str>,
    abort: Option<AbortHandle>,
}

/// Which task of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    place: u32,
    id: u64,
}

/// More places than these are given back when no task is left.
const KEPT: usize = 1_024;

impl Set {
    fn running(&self) -> usize {
        self.places.len() - self.free.len()
    }

    fn tasks(&self) -> impl Iterator<Item = &Entry> {
        self.places.iter().flatten()
    }

    fn task(&mut self, key: Key) -> Option<&mut Entry> {
        let task = self.places.get_mut(key.place as usize)?.as_mut();
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
        let place = set.free.pop().unwrap_or_else(|| {
            set.places.push(None);
            u32::try_from(set.places.len() - 1).expect("fewer than 2^32 tasks")
        });
        set.places[place as usize] = Some(Entry {
            id,
            name,
            abort: None,
        });
        Some(Key { place, id })
    }

    /// Keeps the handle by which the task is cancelled; true when the set was closed in between.
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

    /// Takes out a task that has ended.
    pub(crate) fn remove(&self, key: Key) {
        let mut set = self.lock();
        let task = set.places[key.place as usize].take();
        set.free.push(key.place);
        let mut on_idle = None;
        if set.running() == 0 {
            on_idle = set.on_idle.take();
            if set.places.len() > KEPT {
                set.places = Vec::new();
                set.free = Vec::new();
            }
        }
        drop(set);
        drop(task);
        if let Some(call) = on_idle {
            call();
        }
    }

    /// Whether there is nothing to wait for. Otherwise `call` is called once the last task has ended.
    pub(crate) fn idle_or(&self, call: impl FnOnce() + Send + 'static) -> bool {
        let mut set = self.lock();
        if set.running() == 0 {
            return true;
        }
        set.on_idle = Some(Box::new(call));
        false
    }

    /// As [`TaskSet::idle_or`]; where there is nothing to wait for, the set refuses further tasks from the same moment on.
    pub(crate) fn close_or(&self, call: impl FnOnce() + Send + 'static) -> bool {
        let mut set = self.lock();
        if set.running() == 0 {
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
            set.tasks().map(|task| task.abort.clone()).collect()
        };
        handles.iter().flatten().for_each(AbortHandle::abort);
        handles.len()
    }

    /// The names of those that run, sorted.
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
