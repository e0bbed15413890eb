//! Streams that end well: [`InterruptibleStream`] and its adapters. How what was collected gets to its save: `keeper`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::api::shutdown::Shutdown;
use crate::api::stream::save::{Consumer, Entered, Kept};
use crate::scope::admission::InFlight;

mod save;

/// Streams that end early, and well, when their scope is told to stop. Every [`Stream`] has this.
///
/// What a client has seen of an answer should be what is saved of it, also when the app stops or the client goes away in
/// the middle:
///
/// ```
/// # use std::sync::Arc;
/// # use futures_util::{Stream, StreamExt as _};
/// use lifecycle::{InterruptibleStream as _, Shutdown, InterruptReason};
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
///             (why == InterruptReason::Shutdown).then(|| Token { text: "[interrupted]".into() })
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
pub enum InterruptReason {
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
    pub fn on_interrupt<F, Fut>(self, save: F) -> SavedStream<S, A, C, S::Item>
    where
        F: FnOnce(A, InterruptReason) -> Fut + Send + 'static,
        Fut: Future<Output = Option<S::Item>> + Send + 'static,
    {
        let Interruptible {
            stream,
            in_flight,
            shutdown,
            ..
        } = self.stream;
        let kept = Kept {
            // None where it has ended before it came here.
            collected: stream.is_some().then_some(self.init),
            in_flight,
            margin: self.margin,
            shutdown,
        };
        SavedStream {
            stream,
            collect: self.collect,
            consumer: kept.keep(save),
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
pub struct SavedStream<S, A, C, T> {
    /// None once nothing more is taken from it. Dropped before the consumer says that it has gone.
    stream: Option<Pin<Box<S>>>,
    collect: C,
    // Not `S::Item`: a projection in here would have to hold for all lifetimes wherever the stream is to be `Send`.
    consumer: Consumer<A, T>,
}

// Nothing of it is pinned: the stream is behind a box of its own.
impl<S, A, C, T> Unpin for SavedStream<S, A, C, T> {}

impl<S, A, C, T> Stream for SavedStream<S, A, C, T>
where
    S: Stream<Item = T>,
    C: FnMut(&mut A, &T),
{
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let last = match this.consumer.enter(context.waker()) {
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

impl<S, A, C, T> fmt::Debug for SavedStream<S, A, C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedStream")
            .field("taking", &self.stream.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
