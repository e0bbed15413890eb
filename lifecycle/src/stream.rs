//! Streams that end well: [`InterruptibleStream`] and its adapters.
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

use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;

use crate::admit::InFlight;
use crate::error::panic_message;
use crate::scope::Ask;
use crate::shutdown::Shutdown;
use crate::tasks::Tasks;

/// Streams that end early, and well, when their scope is told to stop. Every [`Stream`] has this.
///
/// What a client has seen of an answer should be what is saved of it, also when the app stops or the client goes away in
/// the middle:
///
/// ```
/// # use std::sync::Arc;
/// # use futures_util::{Stream, StreamExt as _};
/// use lifecycle::{InterruptibleStream as _, Shutdown, Why};
///
/// # struct Database;
/// # impl Database { async fn save_partial(&self, id: u64, text: &str) {} }
/// struct Token { text: String }
///
/// fn answer(
///     tokens: impl Stream<Item = Token>,
///     id: u64,
///     db: Arc<Database>,
///     shutdown: Shutdown,
/// ) -> impl Stream<Item = Token> {
///     tokens
///         .interruptible(&shutdown)
///         .collecting(String::new(), |text, token| text.push_str(&token.text))
///         .on_interrupt(async move |text, why| {
///             db.save_partial(id, &text).await;
///             // The last item, for a client that is still there.
///             (why == Why::Shutdown).then(|| Token { text: "[interrupted]".into() })
///         })
/// }
///
/// # async fn send(event: &str) -> std::io::Result<()> { Ok(()) }
/// async fn serve(mut answer: impl Stream<Item = Token> + Unpin) -> std::io::Result<()> {
///     while let Some(token) = answer.next().await {
///         // A client that went away ends this with an error: the stream is dropped, and saved.
///         send(&token.text).await?;
///     }
///     Ok(())
/// }
/// ```
///
/// The same stream as server-sent events in axum:
///
/// ```text
/// Sse::new(answer.map(|token| Ok::<_, Infallible>(Event::default().data(token.text))))
/// ```
///
/// From its creation to its end (with [`Collecting::on_interrupt`]: until its save has ended) the stream counts as one unit
/// of work in flight, so that the drain waits for it. Give it the handle of a worker or of `main`: that of a resource is
/// told when the drain is over, and the drain would wait for the stream in vain.
pub trait InterruptibleStream: Stream + Sized {
    /// Ends the stream when the scope is told to stop; from then on nothing is taken from the inner one. Created while
    /// draining, it ends at once.
    fn interruptible(self, shutdown: &Shutdown) -> Interruptible<Self> {
        Interruptible {
            stream: Some(Box::pin(self)),
            in_flight: shutdown.admit().ok(),
            told: None,
            shutdown: shutdown.clone(),
        }
    }
}

impl<S: Stream> InterruptibleStream for S {}

/// Why a stream was interrupted: whichever came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its scope was told to stop.
    Shutdown,
    /// It was dropped before its end.
    ConsumerGone,
}

/// A stream that ends early when its scope is told to stop: [`InterruptibleStream::interruptible`]. Polled after its end it
/// is still at its end.
///
/// # Cancel safety
///
/// Dropping the future of a `next` loses no item.
#[must_use = "streams do nothing unless polled"]
pub struct Interruptible<S> {
    /// None after the end.
    stream: Option<Pin<Box<S>>>,
    /// None after the end, and where it was refused: the app drains.
    in_flight: Option<InFlight>,
    /// Made when there is something to wait for.
    told: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    shutdown: Shutdown,
}

impl<S: Stream> Interruptible<S> {
    /// Collects each item, as it is handed out, into `init`: for [`Collecting::on_interrupt`], which must follow.
    pub fn collecting<A, C>(self, init: A, collect: C) -> Collecting<S, A, C>
    where
        C: FnMut(&mut A, &S::Item),
    {
        Collecting {
            stream: self,
            init,
            collect,
            margin: None,
        }
    }
}

impl<S: Stream> Stream for Interruptible<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        let Some(stream) = &mut this.stream else {
            return Poll::Ready(None);
        };
        let mut next = Poll::Ready(None);
        if this.in_flight.is_some() && !this.shutdown.is_requested() {
            next = stream.as_mut().poll_next(context);
        }
        if next.is_pending() {
            let shutdown = &this.shutdown;
            let told = this
                .told
                .get_or_insert_with(|| Box::pin(shutdown.requested()));
            next = told.as_mut().poll(context).map(|()| None);
        }
        if let Poll::Ready(None) = next {
            this.stream = None;
            this.told = None;
            this.in_flight = None;
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, most(self.stream.as_ref(), 0))
    }
}

impl<S> fmt::Debug for Interruptible<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interruptible")
            .field("ended", &self.stream.is_none())
            .finish_non_exhaustive()
    }
}

/// The most items that are still to come, with `own` besides those of the stream.
fn most<S: Stream>(stream: Option<&Pin<Box<S>>>, own: usize) -> Option<usize> {
    match stream {
        Some(stream) => stream.size_hint().1?.checked_add(own),
        None => Some(own),
    }
}

/// A stream whose items are to be collected: [`Interruptible::collecting`]. Say what is to be done with them:
/// [`Collecting::on_interrupt`].
#[must_use = "it is no stream before `on_interrupt` says what to do with what was collected"]
pub struct Collecting<S, A, C> {
    stream: Interruptible<S>,
    init: A,
    collect: C,
    margin: Option<Duration>,
}

impl<S, A, C> Collecting<S, A, C>
where
    S: Stream,
    S::Item: Send + 'static,
    A: Send + 'static,
    C: FnMut(&mut A, &S::Item),
{
    /// Lets the stream finish if the time allows: it goes on when its scope is told to stop, and is interrupted when no more
    /// than `margin` of the scope's time is left. Without this it is interrupted as soon as the scope is told.
    ///
    /// For what is dear to begin anew, such as the answer of a language model. The margin is for the save and for the last
    /// items on their way to the client; one that is longer than the scope's time makes no difference. What
    /// [`Shutdown::extend`] grants, the stream has as well.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use futures_util::Stream;
    /// # use lifecycle::{InterruptibleStream as _, Shutdown};
    /// # fn answer(tokens: impl Stream<Item = String>, shutdown: Shutdown) -> impl Stream<Item = String> {
    /// tokens
    ///     .interruptible(&shutdown)
    ///     .collecting(String::new(), |text, token| text.push_str(token))
    ///     .finishing(Duration::from_secs(1))
    ///     .on_interrupt(async move |text, why| {
    ///         // save it
    ///         Some("[interrupted]".to_owned())
    ///     })
    /// # }
    /// ```
    ///
    /// Created while draining, it is not admitted any more, but goes on all the same while there is time: it may belong to
    /// a request that was admitted before. It is awaited with the scope's tasks then.
    pub fn finishing(mut self, margin: Duration) -> Self {
        self.margin = Some(margin);
        self
    }

    /// What is done when the stream does not get to its end: `save` is called once, with what was collected, when the scope
    /// is told to stop (see also [`Collecting::finishing`]) or when the consumer goes away. It runs as a task of the app's runtime, so that neither a consumer that
    /// is slow nor a drop, on whichever thread, can keep it from its end. What it returns is the stream's last item.
    ///
    /// What was collected is exactly what was handed out. A stream that ended by itself is not saved. Created while
    /// draining, the stream ends at once through `save`, with nothing collected, unless it may finish.
    ///
    /// A save that panics is reported, as a task's panic is, and the stream ends. One that the drain does not see the end of
    /// counts as work that was cut.
    pub fn on_interrupt<F, Fut>(self, save: F) -> OnInterrupt<S, A, C, S::Item>
    where
        F: FnOnce(A, Why) -> Fut + Send + 'static,
        Fut: Future<Output = Option<S::Item>> + Send + 'static,
    {
        let Interruptible {
            stream,
            in_flight,
            shutdown,
            ..
        } = self.stream;
        let scope = Arc::clone(&shutdown.scope);
        let stage = match stream {
            Some(_) => Stage::Collected(self.init),
            // It has ended before it came here.
            None => Stage::Over,
        };
        let shared = Arc::new(Shared {
            refused: in_flight.is_none(),
            margin: self.margin,
            shutdown,
            state: Mutex::new(State {
                stage,
                due: false,
                keeper: None,
                consumer: None,
            }),
        });
        let counted = in_flight.is_some() || self.margin.is_none();
        let keeper = keep(in_flight, Keeper(Arc::clone(&shared)), save);
        if counted {
            scope.app.runtime.spawn(keeper);
        } else {
            // Nothing else would wait for it.
            drop(Tasks::new(scope).spawn(SAVE, keeper));
        }
        OnInterrupt {
            stream,
            collect: self.collect,
            consumer: Consumer(shared),
        }
    }
}

impl<S, A, C> fmt::Debug for Collecting<S, A, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collecting")
    }
}

/// A stream that is saved when it does not get to its end: [`Collecting::on_interrupt`]. Polled after its end it is still at
/// its end.
///
/// # Cancel safety
///
/// Dropping the future of a `next` loses no item: one is collected as it is handed out.
#[must_use = "streams do nothing unless polled"]
pub struct OnInterrupt<S, A, C, T> {
    /// None once nothing more is taken from it. Dropped before the consumer says that it has gone.
    stream: Option<Pin<Box<S>>>,
    collect: C,
    // Not `S::Item`: a projection in here would have to hold for all lifetimes wherever the stream is to be `Send`.
    consumer: Consumer<A, T>,
}

// Nothing of it is pinned: the stream is behind a box of its own.
impl<S, A, C, T> Unpin for OnInterrupt<S, A, C, T> {}

impl<S, A, C, T> Stream for OnInterrupt<S, A, C, T>
where
    S: Stream<Item = T>,
    C: FnMut(&mut A, &T),
{
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let shared = &*this.consumer.0;
        let last = match shared.enter(context.waker()) {
            Entered::Turn(mut turn) => {
                let next = match &mut this.stream {
                    Some(stream) => stream.as_mut().poll_next(context),
                    None => Poll::Ready(None),
                };
                match &next {
                    Poll::Ready(Some(item)) => turn.collect(&mut this.collect, item),
                    Poll::Ready(None) => {
                        turn.end();
                        this.stream = None;
                    }
                    Poll::Pending => turn.wait(context.waker()),
                }
                return next;
            }
            Entered::Waits => Poll::Pending,
            Entered::Last(item) => Poll::Ready(item),
        };
        this.stream = None;
        last
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, most(self.stream.as_ref(), 1))
    }
}

impl<S, A, C, T> fmt::Debug for OnInterrupt<S, A, C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnInterrupt")
            .field("taking", &self.stream.is_some())
            .finish_non_exhaustive()
    }
}

/// What the keeper is called where it has a name.
const SAVE: &str = "the save of a stream";

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
    Left(A, Why),
    /// The keeper has taken what was collected.
    Saving,
    /// What is still to be handed out.
    Last(T),
    Over,
}

enum Entered<'a, A, T> {
    Turn(Turn<'a, A, T>),
    /// For the keeper.
    Waits,
    Last(Option<T>),
}

impl<A, T> Shared<A, T> {
    fn lock(&self) -> MutexGuard<'_, State<A, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_told(&self) -> bool {
        self.refused || self.shutdown.is_requested()
    }

    /// Whether it is to be interrupted.
    fn is_due(&self) -> bool {
        match self.margin {
            None => self.is_told(),
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
            Some(margin) => self.shutdown.time_is_short(margin).await,
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
    fn leave(&self, acc: Option<A>, why: Option<Why>) {
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
    fn take(&self, due: bool, waker: &Waker) -> Poll<Option<(A, Why)>> {
        let waker = waker.clone();
        let mut state = self.lock();
        state.due |= due;
        let due = state.due;
        let taken = match mem::replace(&mut state.stage, Stage::Saving) {
            Stage::Left(acc, why) => Some((acc, why)),
            Stage::Collected(acc) if due => Some((acc, Why::Shutdown)),
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
struct Turn<'a, A, T> {
    shared: &'a Shared<A, T>,
    /// None when the stream has ended.
    acc: Option<A>,
    /// Where it has to wait.
    waker: Option<Waker>,
}

impl<A, T> Turn<'_, A, T> {
    fn collect(&mut self, collect: &mut impl FnMut(&mut A, &T), item: &T) {
        if let Some(acc) = &mut self.acc {
            collect(acc, item);
        }
    }

    fn wait(&mut self, waker: &Waker) {
        self.waker = Some(waker.clone());
    }

    fn end(&mut self) {
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
struct Consumer<A, T>(Arc<Shared<A, T>>);

impl<A, T> Drop for Consumer<A, T> {
    fn drop(&mut self) {
        let why = if self.0.is_told() {
            Why::Shutdown
        } else {
            Why::ConsumerGone
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
    F: FnOnce(A, Why) -> Fut,
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
        (scope.app.ask)(Ask::TellOfPanic {
            scope: Arc::clone(&scope.name),
            task: SAVE.to_owned(),
            error,
        });
    }
}

#[cfg(test)]
mod tests;
