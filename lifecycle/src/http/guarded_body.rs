//! [`GuardedBody`]: a body that keeps a guard until its end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A body, or an empty one, and a guard that is released after its last frame, or together with the body when that
    /// is dropped.
    #[derive(Debug)]
    pub(super) struct GuardedBody<B, G> {
        #[pin]
        body: Option<B>,
        guard: Option<G>,
    }
}

/// A guard that distinguishes a body that was completed from one that was dropped earlier.
pub(super) trait Guard {
    /// The last frame of the body has been taken. A guard that is dropped without this call was aborted.
    fn completed(self);
}

impl<B: Body, G: Guard> GuardedBody<B, G> {
    pub(super) fn new(body: Option<B>, guard: Option<G>) -> Self {
        let mut new = Self { body, guard };
        // hyper does not poll a body that is at its end from the start.
        if new.is_end_stream() {
            new.guard.take().into_iter().for_each(G::completed);
        }
        new
    }
}

impl<B: Body, G: Guard> Body for GuardedBody<B, G> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(body) = this.body.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let frame = ready!(body.poll_frame(context));
        let completed = match &frame {
            // hyper does not poll again after a frame at which the body says that it has ended.
            Some(Ok(_)) => this
                .body
                .as_ref()
                .as_pin_ref()
                .is_some_and(|body| body.is_end_stream()),
            // The client has not got the whole body: the guard goes as if the body had been dropped.
            Some(Err(_)) => false,
            None => true,
        };
        if completed {
            this.guard.take().into_iter().for_each(G::completed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
