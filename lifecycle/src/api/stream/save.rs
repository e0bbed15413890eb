//! Who takes what was collected, and saves it.
//!
//! What is collected belongs to whoever acts: to the consumer within a poll, to the keeper from the interruption on, and
//! in between it lies in `Stage::Collected`. The keeper is a task of the app's runtime, one a stream.
//!
//! Invariants:
//!
//! 1. The keeper alone runs the save, and takes what was collected exactly once: as it leaves `Collected` or `Left`.
//! 2. In a poll the stage is `Polled`: an item that the inner stream yields is collected and handed out before the keeper
//!    can take anything. So what was handed out is what was collected, whatever happens at once.
//! 3. Once it is due to be interrupted, the inner stream is not polled any more. That is when it is told or, where it may
//!    finish, when its time is short; whoever sees it first, consumer or keeper, writes it down for the other one.
//! 4. Whoever finds nothing to do leaves its waker; whoever changes the stage wakes the other one.
//! 5. The lock guards the state alone: streams are polled, closures called and values dropped without it.

use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::InterruptReason;
use crate::api::shutdown::Shutdown;
use crate::api::tasks::Tasks;
use crate::error::panic::panic_message;
use crate::scope::AppRequest;
use crate::scope::admission::InFlight;

/// What the keeper is called where it has a name.
pub(super) const SAVE: &str = "the save of a stream";

/// A stream that is to be kept.
pub(super) struct Kept<A> {
    /// What has been collected so far; none where it has ended.
    pub(super) collected: Option<A>,
    /// None where it was refused.
    pub(super) in_flight: Option<InFlight>,
    /// How much of the scope's time is kept, where it may finish.
    pub(super) margin: Option<Duration>,
    pub(super) shutdown: Shutdown,
}

impl<A: Send + 'static> Kept<A> {
    /// Spawns the keeper.
    pub(super) fn keep<T, F, Fut>(self, save: F) -> Consumer<A, T>
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
                keeper: None,
                consumer: None,
            }),
        });
        let counted = self.in_flight.is_some() || self.margin.is_none();
        let keeper = keep(self.in_flight, Keeper(Arc::clone(&shared)), save);
        if counted {
            scope.app.runtime.spawn(keeper);
        } else {
            // Nothing else would wait for it.
            drop(Tasks::new(scope).spawn(SAVE, keeper));
        }
        Consumer(shared)
    }
}

/// What the consumer and the keeper of a stream share.
struct Shared<A, T> {
    shutdown: Shutdown,
    /// Created while draining.
    refused: bool,
    /// How much of the scope's time is kept, where it may finish.
    margin: Option<Duration>,
    state: Mutex<State<A, T>>,
}

struct State<A, T> {
    stage: Stage<A, T>,
    /// It is to be interrupted: the keeper saw that while the consumer was in a poll, or the consumer as it polled.
    due: bool,
    keeper: Option<Waker>,
    consumer: Option<Waker>,
}

enum Stage<A, T> {
    /// Between two polls.
    Collected(A),
    /// In a poll, which has what was collected.
    Polled,
    /// The consumer has gone.
    Left(A, InterruptReason),
    /// The keeper has taken what was collected.
    Saving,
    /// What is still to be handed out.
    Last(T),
    Over,
}

pub(super) enum Entered<'a, A, T> {
    Turn(Turn<'a, A, T>),
    /// For the keeper.
    Waits,
    Last(Option<T>),
}

impl<A, T> Shared<A, T> {
    fn lock(&self) -> MutexGuard<'_, State<A, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stop_requested(&self) -> bool {
        self.refused || self.shutdown.is_requested()
    }

    /// Whether it is to be interrupted.
    fn is_due(&self) -> bool {
        match self.margin {
            None => self.is_stop_requested(),
            Some(margin) => {
                self.shutdown.is_requested()
                    && self.shutdown.remaining().is_some_and(|left| left <= margin)
            }
        }
    }

    /// Waits until it is.
    async fn due(&self) {
        match self.margin {
            None if self.refused => {}
            None => self.shutdown.requested().await,
            Some(margin) => self.shutdown.deadline_within(margin).await,
        }
    }

    /// The consumer polls.
    fn enter(&self, waker: &Waker) -> Entered<'_, A, T> {
        let mut due = self.is_due();
        loop {
            let mut waker = due.then(|| waker.clone());
            let mut keeper = None;
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
                        keeper = state.keeper.take();
                    }
                    due.then_some(Entered::Waits)
                }
            };
            drop(state);
            keeper.into_iter().for_each(Waker::wake);
            match entered {
                Some(entered) => return entered,
                // The keeper saw it first.
                None => due = true,
            }
        }
    }

    /// A poll is over, and the stream is not.
    fn give_back(&self, acc: A, waker: Option<Waker>) {
        let mut state = self.lock();
        let (kept, woken, old) = if matches!(state.stage, Stage::Polled) {
            state.stage = Stage::Collected(acc);
            let keeper = if state.due { state.keeper.take() } else { None };
            (None, keeper, mem::replace(&mut state.consumer, waker))
        } else {
            // The keeper is no more: the next poll is the last.
            (Some(acc), waker, None)
        };
        drop(state);
        drop((kept, old));
        woken.into_iter().for_each(Waker::wake);
    }

    /// The inner stream has ended, or the consumer has gone.
    fn leave(&self, acc: Option<A>, why: Option<InterruptReason>) {
        let mut state = self.lock();
        let left = match (mem::replace(&mut state.stage, Stage::Over), why) {
            (Stage::Collected(acc), Some(why)) => {
                state.stage = Stage::Left(acc, why);
                None
            }
            (stage, _) => Some(stage),
        };
        let (keeper, consumer) = (state.keeper.take(), state.consumer.take());
        drop(state);
        drop((left, acc, consumer));
        keeper.into_iter().for_each(Waker::wake);
    }

    /// The keeper looks whether there is something to save; `None` when there will not be.
    fn take(&self, due: bool, waker: &Waker) -> Poll<Option<(A, InterruptReason)>> {
        let waker = waker.clone();
        let mut state = self.lock();
        state.due |= due;
        let due = state.due;
        let taken = match mem::replace(&mut state.stage, Stage::Saving) {
            Stage::Left(acc, why) => Some((acc, why)),
            Stage::Collected(acc) if due => Some((acc, InterruptReason::Shutdown)),
            stage @ (Stage::Collected(_) | Stage::Polled) => {
                state.stage = stage;
                let old = state.keeper.replace(waker);
                drop(state);
                drop(old);
                return Poll::Pending;
            }
            stage => {
                state.stage = stage;
                None
            }
        };
        // So that it lets go of the inner stream now, and not only when the save has ended.
        let consumer = state.consumer.take();
        drop(state);
        consumer.into_iter().for_each(Waker::wake);
        Poll::Ready(taken)
    }

    /// The keeper is through, or is no more.
    fn finish(&self, last: Option<T>) {
        let mut state = self.lock();
        let left = if matches!(state.stage, Stage::Last(_) | Stage::Over) {
            (last, None)
        } else {
            let stage = last.map_or(Stage::Over, Stage::Last);
            (None, Some(mem::replace(&mut state.stage, stage)))
        };
        let consumer = state.consumer.take();
        drop(state);
        drop(left);
        consumer.into_iter().for_each(Waker::wake);
    }
}

/// A poll of the consumer, and what was collected until then. It is given back also when the inner stream panics.
pub(super) struct Turn<'a, A, T> {
    shared: &'a Shared<A, T>,
    /// None when the stream has ended.
    acc: Option<A>,
    /// Where it has to wait.
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
        self.shared.leave(self.acc.take(), None);
    }
}

impl<A, T> Drop for Turn<'_, A, T> {
    fn drop(&mut self) {
        if let Some(acc) = self.acc.take() {
            self.shared.give_back(acc, self.waker.take());
        }
    }
}

/// Says that the consumer has gone.
pub(super) struct Consumer<A, T>(Arc<Shared<A, T>>);

impl<A, T> Consumer<A, T> {
    /// It polls.
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
        self.0.leave(None, Some(why));
    }
}

/// Ends the stream when the keeper is no more, however that came about.
struct Keeper<A, T>(Arc<Shared<A, T>>);

impl<A, T> Drop for Keeper<A, T> {
    fn drop(&mut self) {
        self.0.finish(None);
    }
}

/// Waits for the end of the stream, and saves what was collected if that was no end of its own. The first parameter is
/// dropped last: what is in flight ends when all else has.
async fn keep<A, T, F, Fut>(_in_flight: Option<InFlight>, keeper: Keeper<A, T>, save: F)
where
    F: FnOnce(A, InterruptReason) -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let shared = &*keeper.0;
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
        Err(payload) => shared.tell_of_panic(panic_message(&*payload)),
    }
}

impl<A, T> Shared<A, T> {
    fn tell_of_panic(&self, error: String) {
        let scope = &self.shutdown.scope;
        (scope.app.ask)(AppRequest::ReportPanic {
            scope: Arc::clone(&scope.name),
            task: SAVE.to_owned(),
            error,
        });
    }
}
