//! [`GuardedBody`]: a body that lets go of something when it ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A body, or none, and what is let go of at its end: after its last frame, or when it is dropped.
    #[derive(Debug)]
    pub(super) struct GuardedBody<B, G> {
        #[pin]
        body: Option<B>,
        guard: Option<G>,
    }
}

/// What can be told that a body came to its end, instead of being dropped before.
pub(super) trait Guard {
    fn completed(self);
}

impl<B: Body, G: Guard> GuardedBody<B, G> {
    pub(super) fn new(body: Option<B>, guard: Option<G>) -> Self {
        let mut new = Self { body, guard };
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
            Some(Ok(_)) => this
                .body
                .as_ref()
                .as_pin_ref()
                .is_some_and(|body| body.is_end_stream()),
            // A body that failed is as good as dropped: who asked has not got all of it.
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
