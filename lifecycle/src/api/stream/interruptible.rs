//! [`InterruptibleStream`], and the adapters that it leads to: [`Interruptible`] and [`Collecting`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::api::shutdown::Shutdown;
use crate::api::stream::interrupt_reason::InterruptReason;
use crate::api::stream::save::SaveSpec;
use crate::api::stream::saved_stream::SavedStream;
use crate::api::stream::size_hint::at_most;
use crate::scope::admission::InFlight;

/// Streams that end early, and in order, when their scope is asked to stop. Every [`Stream`] implements it.
///
/// If the app stops or the client disconnects in the middle of an answer, exactly that part of it that the client has
/// received should be saved:
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
///             // The last item, for a client that is still connected.
///             (why == InterruptReason::Shutdown).then(|| Token { text: "[interrupted]".into() })
///         })
/// }
///
/// # async fn send(event: &str) -> std::io::Result<()> { Ok(()) }
/// async fn serve(mut answer: impl Stream<Item = Token> + Unpin) -> std::io::Result<()> {
///     while let Some(token) = answer.next().await {
///         // If the client has disconnected, this returns an error: the stream is dropped, and saved.
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
/// From its creation to its end (with [`Collecting::on_interrupt`], to the end of its save) the stream counts as one unit of
/// work in flight, so that the drain waits for it. Pass it the handle of a worker or of `main`: the scope of a resource is
/// asked to stop only after the drain, which would wait for the stream until its deadline.
pub trait InterruptibleStream: Stream + Sized {
    /// Ends the stream when the scope is asked to stop; from then on the inner stream is not polled.
    ///
    /// If the app already drains, the stream ends at once.
    fn interruptible(self, shutdown: &Shutdown) -> Interruptible<Self> {
        Interruptible {
            stream: Some(Box::pin(self)),
            in_flight: shutdown.admit().ok(),
            requested: None,
            shutdown: shutdown.clone(),
        }
    }
}

impl<S: Stream> InterruptibleStream for S {}

/// A stream that ends early when its scope is asked to stop, from [`InterruptibleStream::interruptible`].
///
/// It is fused: polled after its end it returns `None` again.
///
/// # Cancel safety
///
/// Dropping the future of a `next` loses no item.
#[must_use = "streams do nothing unless polled"]
pub struct Interruptible<S> {
    /// `None` after the end.
    stream: Option<Pin<Box<S>>>,
    /// `None` after the end, and if admission was closed.
    in_flight: Option<InFlight>,
    /// Created by the first poll that has to wait.
    requested: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    shutdown: Shutdown,
}

impl<S: Stream> Interruptible<S> {
    /// Collects each item into `init` as it is yielded, by calling `collect`. [`Collecting::on_interrupt`] must follow.
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
            let requested = this
                .requested
                .get_or_insert_with(|| Box::pin(shutdown.requested()));
            next = requested.as_mut().poll(context).map(|()| None);
        }
        if let Poll::Ready(None) = next {
            this.stream = None;
            this.requested = None;
            this.in_flight = None;
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, at_most(self.stream.as_ref(), 0))
    }
}

impl<S> fmt::Debug for Interruptible<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interruptible")
            .field("ended", &self.stream.is_none())
            .finish_non_exhaustive()
    }
}

/// A stream whose items are to be collected, from [`Interruptible::collecting`].
///
/// It becomes a stream again by [`Collecting::on_interrupt`], which takes the function that saves the collected items.
#[must_use = "this becomes a stream by `on_interrupt`, which says how to save what was collected"]
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
    /// Lets the stream finish if the time allows: it goes on when its scope is asked to stop, and is interrupted when at most
    /// `margin` of the scope's time remains. By default it is interrupted as soon as a stop is requested.
    ///
    /// This is for streams that are expensive to begin again, such as the answer of a language model. The margin is for the
    /// save and for the last items on their way to the client; a margin longer than the scope's time is the same as the
    /// default. Time that [`Shutdown::extend`] grants is available to the stream as well.
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
    /// If the app already drains, the stream is not admitted, but still goes on while there is time: it may belong to a
    /// request that was admitted before. The scope then awaits it with its tasks.
    pub fn finishing(mut self, margin: Duration) -> Self {
        self.margin = Some(margin);
        self
    }

    /// Sets what happens if the stream does not reach its end: `save` is called once, with what was collected, when the
    /// scope is asked to stop (see also [`Collecting::finishing`]) or when the stream is dropped.
    ///
    /// The save runs as a task of the app's runtime, so that neither a slow consumer nor a drop on any thread can prevent
    /// it from finishing. What it returns is the last item of the stream.
    ///
    /// What was collected is exactly what the stream has yielded. A stream that ended by itself is not saved. If the app
    /// already drains, the stream ends at once through `save`, with nothing collected, unless it may finish.
    ///
    /// A save that panics is reported like the panic of a task, and the stream ends. A save that has not ended by the end of
    /// the drain counts as aborted work.
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
        let spec = SaveSpec {
            // A stream that has already ended is not saved.
            collected: stream.is_some().then_some(self.init),
            in_flight,
            margin: self.margin,
            shutdown,
        };
        SavedStream::new(stream, self.collect, spec.spawn(save))
    }
}

impl<S, A, C> fmt::Debug for Collecting<S, A, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collecting")
    }
}
