//! [`SavedStream`]: the consumer's side of a stream that is saved when it is interrupted.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::api::stream::save::{Consumer, Entered};
use crate::api::stream::size_hint::at_most;

/// A stream that is saved if it does not reach its end, from [`Collecting::on_interrupt`](crate::Collecting::on_interrupt).
///
/// It is fused: polled after its end it returns `None` again.
///
/// # Cancel safety
///
/// Dropping the future of a `next` loses no item: an item is collected as it is yielded.
#[must_use = "streams do nothing unless polled"]
pub struct SavedStream<S, A, C, T> {
    /// `None` once it is not polled any more. Declared first: it is dropped before the consumer reports that it is gone.
    stream: Option<Pin<Box<S>>>,
    collect: C,
    // `T` and not `S::Item`: the compiler would have to prove the projection for all lifetimes wherever it checks that the
    // stream is `Send`.
    consumer: Consumer<A, T>,
}

impl<S, A, C, T> SavedStream<S, A, C, T> {
    pub(super) fn new(stream: Option<Pin<Box<S>>>, collect: C, consumer: Consumer<A, T>) -> Self {
        Self {
            stream,
            collect,
            consumer,
        }
    }
}

// No field is pinned structurally: the inner stream has a box of its own.
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
            Entered::Wait => Poll::Pending,
            Entered::Last(item) => Poll::Ready(item),
        };
        this.stream = None;
        last
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, at_most(self.stream.as_ref(), 1))
    }
}

impl<S, A, C, T> fmt::Debug for SavedStream<S, A, C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedStream")
            .field("taking", &self.stream.is_some())
            .finish_non_exhaustive()
    }
}
