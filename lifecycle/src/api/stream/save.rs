//! How the consumer of a stream and the task that saves it share what was collected.
//!
//! What was collected has one owner at a time: the consumer within a poll, the save task from the interruption on, and
//! `Stage::Collected` in between. There is one save task for each stream, on the app's runtime.
//!
//! Invariants:
//!
//! 1. Only the save task runs the save, and it takes what was collected exactly once: in the transition from `Collected` or
//!    `Dropped` to `Saving`.
//! 2. Within a poll the stage is `Polled`: an item that the inner stream yields is collected and returned before the save
//!    task can take anything. So exactly what was yielded is collected, whatever happens concurrently.
//! 3. Once the interruption is due, the inner stream is not polled any more. It is due when a stop is requested or, if the
//!    stream may finish, when at most the margin remains. The side that notices first, consumer or save task, sets `due`
//!    for the other one.
//! 4. A side that has nothing to do stores its waker; a side that changes the stage wakes the other one.
//! 5. The lock guards the state only: streams are polled, closures called and values dropped without it.

use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::interrupt_reason::InterruptReason;
use crate::api::shutdown::Shutdown;
use crate::api::tasks::Tasks;
use crate::error::panic::panic_message;
use crate::scope::AppRequest;
use crate::scope::admission::InFlight;

/// The name of the save task, where it has one.
pub(super) const SAVE: &str = "the save of a stream";

/// What the save of a stream needs to know of it.
pub(super) struct SaveSpec<A> {
    /// What has been collected so far; `None` if the stream has ended.
    pub(super) collected: Option<A>,
    /// `None` if admission was closed.
    pub(super) in_flight: Option<InFlight>,
    /// How much of the scope's time is reserved for the save, if the stream may finish.
    pub(super) margin: Option<Duration>,
    pub(super) shutdown: Shutdown,
}

impl<A: Send + 'static> SaveSpec<A> {
    /// Spawns the save task.
    pub(super) fn spawn<T, F, Fut>(self, save: F) -> Consumer<A, T>
    where
        T: Send + 'static,
        F: FnOnce(A, InterruptReason) -> Fut + Send + 'static,
        Fut: Future<Output = Option<T>> + Send + 'static,
    {
        let scope = Arc::clone(&self.shutdown.scope);
        let shared = Arc::new(Shared {
            refused: self.in_flight.is_none(),
            margin: self.margin,
            shutdown: self.shutdown,
            state: Mutex::new(State {
                stage: self.collected.map_or(Stage::Over, Stage::Collected),
                due: false,
                save_task: None,
                consumer: None,
            }),
        });
        let counted = self.in_flight.is_some() || self.margin.is_none();
        let task = save_task(self.in_flight, SaveTask(Arc::clone(&shared)), save);
        if counted {
            scope.app.runtime.spawn(task);
        } else {
            // It holds no unit of work in flight, so that only a tracked task is awaited.
            drop(Tasks::new(scope).spawn(SAVE, task));
        }
        Consumer(shared)
    }
}

/// What the consumer and the save task of a stream share.
struct Shared<A, T> {
    shutdown: Shutdown,
    /// Whether the stream was created after admission closed.
    refused: bool,
    /// How much of the scope's time is reserved for the save, if the stream may finish.
    margin: Option<Duration>,
    state: Mutex<State<A, T>>,
}

struct State<A, T> {
    stage: Stage<A, T>,
    /// Whether the interruption is due: the save task noticed it during a poll of the consumer, or the consumer did itself.
    due: bool,
    /// The waker of the save task, while it waits.
    save_task: Option<Waker>,
    /// The waker of the consumer, while it waits.
    consumer: Option<Waker>,
}

enum Stage<A, T> {
    /// Between two polls.
    Collected(A),
    /// In a poll, which owns what was collected.
    Polled,
    /// The consumer has been dropped.
    Dropped(A, InterruptReason),
    /// The save task has taken what was collected.
    Saving,
    /// The last item, which has not been yielded yet.
    Last(T),
    Over,
}

pub(super) enum Entered<'a, A, T> {
    /// The inner stream may be polled.
    Turn(Turn<'a, A, T>),
    /// The save task has to act first.
    Wait,
    /// The stream is over, perhaps with a last item.
    Last(Option<T>),
}

impl<A, T> Shared<A, T> {
    fn lock(&self) -> MutexGuard<'_, State<A, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stop_requested(&self) -> bool {
        self.refused || self.shutdown.is_requested()
    }

    /// Whether the interruption is due (invariant 3).
    fn is_due(&self) -> bool {
        match self.margin {
            None => self.is_stop_requested(),
            Some(margin) => {
                self.shutdown.is_requested()
                    && self
                        .shutdown
                        .remaining()
                        .is_some_and(|remaining| remaining <= margin)
            }
        }
    }

    /// Waits until the interruption is due.
    async fn due(&self) {
        match self.margin {
            None if self.refused => {}
            None => self.shutdown.requested().await,
            Some(margin) => self.shutdown.deadline_within(margin).await,
        }
    }

    /// The consumer begins a poll: `Collected` becomes `Polled`, `Last` becomes `Over`.
    fn enter(&self, waker: &Waker) -> Entered<'_, A, T> {
        let mut due = self.is_due();
        loop {
            let mut waker = due.then(|| waker.clone());
            let mut save_task = None;
            let mut state = self.lock();
            let was_due = state.due;
            let entered = match mem::replace(&mut state.stage, Stage::Polled) {
                Stage::Collected(acc) if !due && !was_due => Some(Entered::Turn(Turn {
                    shared: self,
                    acc: Some(acc),
                    waker: None,
                })),
                Stage::Last(item) => {
                    state.stage = Stage::Over;
                    Some(Entered::Last(Some(item)))
                }
                Stage::Over => {
                    state.stage = Stage::Over;
                    Some(Entered::Last(None))
                }
                stage => {
                    state.stage = stage;
                    mem::swap(&mut state.consumer, &mut waker);
                    state.due |= due;
                    if due {
                        save_task = state.save_task.take();
                    }
                    due.then_some(Entered::Wait)
                }
            };
            drop(state);
            save_task.into_iter().for_each(Waker::wake);
            match entered {
                Some(entered) => return entered,
                // The save task noticed it first. Once more, to store the waker.
                None => due = true,
            }
        }
    }

    /// A poll has ended without the end of the stream: `Polled` becomes `Collected`.
    fn give_back(&self, acc: A, waker: Option<Waker>) {
        let mut state = self.lock();
        let (unsaved, woken, old) = if matches!(state.stage, Stage::Polled) {
            state.stage = Stage::Collected(acc);
            // The save task found the stage `Polled` when it noticed the interruption: it must look again.
            let save_task = if state.due {
                state.save_task.take()
            } else {
                None
            };
            (None, save_task, mem::replace(&mut state.consumer, waker))
        } else {
            // The save task has ended, so that the next poll is the last one.
            (Some(acc), waker, None)
        };
        drop(state);
        drop((unsaved, old));
        woken.into_iter().for_each(Waker::wake);
    }

    /// The inner stream has ended (without a reason), or the consumer has been dropped.
    fn close(&self, acc: Option<A>, why: Option<InterruptReason>) {
        let mut state = self.lock();
        let unused = match (mem::replace(&mut state.stage, Stage::Over), why) {
            (Stage::Collected(acc), Some(why)) => {
                state.stage = Stage::Dropped(acc, why);
                None
            }
            (stage, _) => Some(stage),
        };
        let (save_task, consumer) = (state.save_task.take(), state.consumer.take());
        drop(state);
        drop((unused, acc, consumer));
        save_task.into_iter().for_each(Waker::wake);
    }

    /// The save task checks whether it can take what was collected; `None` if there will be nothing to save.
    fn take(&self, due: bool, waker: &Waker) -> Poll<Option<(A, InterruptReason)>> {
        let waker = waker.clone();
        let mut state = self.lock();
        state.due |= due;
        let due = state.due;
        let taken = match mem::replace(&mut state.stage, Stage::Saving) {
            Stage::Dropped(acc, why) => Some((acc, why)),
            Stage::Collected(acc) if due => Some((acc, InterruptReason::Shutdown)),
            stage @ (Stage::Collected(_) | Stage::Polled) => {
                state.stage = stage;
                let old = state.save_task.replace(waker);
                drop(state);
                drop(old);
                return Poll::Pending;
            }
            stage => {
                state.stage = stage;
                None
            }
        };
        // So that the consumer drops the inner stream now, and not only after the save.
        let consumer = state.consumer.take();
        drop(state);
        consumer.into_iter().for_each(Waker::wake);
        Poll::Ready(taken)
    }

    /// The save has ended, or its task has been dropped: the stage becomes `Last` or `Over`.
    fn finish(&self, last: Option<T>) {
        let mut state = self.lock();
        let unused = if matches!(state.stage, Stage::Last(_) | Stage::Over) {
            (last, None)
        } else {
            let stage = last.map_or(Stage::Over, Stage::Last);
            (None, Some(mem::replace(&mut state.stage, stage)))
        };
        let consumer = state.consumer.take();
        drop(state);
        drop(unused);
        consumer.into_iter().for_each(Waker::wake);
    }
}

/// A poll of the consumer, which owns what was collected. It is given back on drop, so that a panic of the inner stream loses
/// nothing.
pub(super) struct Turn<'a, A, T> {
    shared: &'a Shared<A, T>,
    /// `None` once the stream has ended.
    acc: Option<A>,
    /// Set if the inner stream is pending.
    waker: Option<Waker>,
}

impl<A, T> Turn<'_, A, T> {
    pub(super) fn collect(&mut self, collect: &mut impl FnMut(&mut A, &T), item: &T) {
        if let Some(acc) = &mut self.acc {
            collect(acc, item);
        }
    }

    pub(super) fn wait(&mut self, waker: &Waker) {
        self.waker = Some(waker.clone());
    }

    pub(super) fn end(&mut self) {
        self.shared.close(self.acc.take(), None);
    }
}

impl<A, T> Drop for Turn<'_, A, T> {
    fn drop(&mut self) {
        if let Some(acc) = self.acc.take() {
            self.shared.give_back(acc, self.waker.take());
        }
    }
}

/// The consumer's side. Its drop reports that the consumer is gone.
pub(super) struct Consumer<A, T>(Arc<Shared<A, T>>);

impl<A, T> Consumer<A, T> {
    /// Begins a poll.
    pub(super) fn enter(&self, waker: &Waker) -> Entered<'_, A, T> {
        self.0.enter(waker)
    }
}

impl<A, T> Drop for Consumer<A, T> {
    fn drop(&mut self) {
        let why = if self.0.is_stop_requested() {
            InterruptReason::Shutdown
        } else {
            InterruptReason::ConsumerGone
        };
        self.0.close(None, Some(why));
    }
}

/// The save task's side. Its drop ends the stream, whether the task has ended or was cancelled.
struct SaveTask<A, T>(Arc<Shared<A, T>>);

impl<A, T> Drop for SaveTask<A, T> {
    fn drop(&mut self) {
        self.0.finish(None);
    }
}

/// Waits for the end of the stream, and saves what was collected if it was interrupted.
///
/// `_in_flight` is the first parameter, so that it is dropped last: the unit of work ends after everything else.
async fn save_task<A, T, F, Fut>(_in_flight: Option<InFlight>, task: SaveTask<A, T>, save: F)
where
    F: FnOnce(A, InterruptReason) -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let shared = &*task.0;
    let mut due = pin!(shared.due());
    let mut is_due = false;
    let taken = poll_fn(|context| {
        is_due = is_due || due.as_mut().poll(context).is_ready();
        shared.take(is_due, context.waker())
    });
    let Some((acc, why)) = taken.await else {
        return;
    };
    let mut saved = pin!(async move { save(acc, why).await });
    let saved = poll_fn(|context| {
        let poll = || saved.as_mut().poll(context);
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    });
    match saved.await {
        Ok(last) => shared.finish(last),
        Err(payload) => shared.report_panic(panic_message(&*payload)),
    }
}

impl<A, T> Shared<A, T> {
    fn report_panic(&self, error: String) {
        let scope = &self.shutdown.scope;
        (scope.app.ask)(AppRequest::ReportPanic {
            scope: Arc::clone(&scope.name),
            task: SAVE.to_owned(),
            error,
        });
    }
}
