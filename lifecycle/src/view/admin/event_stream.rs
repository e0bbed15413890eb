//! The stream of pictures, as server-sent events: a response body that ends when the process does.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::{Notify, watch};

use crate::view::admin::live_picture::Drawn;

type Latest = watch::Receiver<Option<Arc<Drawn>>>;

/// A response body of one event per picture.
pub(super) struct Pictures {
    /// `None` after the last picture.
    next: Option<Next>,
    takes: Arc<Notify>,
}

type Next = Pin<Box<dyn Future<Output = Option<(Arc<Drawn>, Latest)>> + Send>>;

impl Pictures {
    /// Streams the pictures that are drawn from now on.
    pub(super) fn new(latest: Latest, takes: Arc<Notify>) -> Self {
        Self {
            next: Some(after(latest)),
            takes,
        }
    }
}

fn after(mut latest: Latest) -> Next {
    Box::pin(async move { Some((next(&mut latest).await?, latest)) })
}

/// Waits for the next picture; after the last one, returns that again.
pub(super) async fn next(latest: &mut Latest) -> Option<Arc<Drawn>> {
    // What was there when the receiver was made counts as seen, and is outdated, unless it is the last picture.
    let known = latest.borrow().clone();
    if let Some(drawn) = known.filter(|drawn| drawn.is_last) {
        return Some(drawn);
    }
    latest.changed().await.ok()?;
    latest.borrow_and_update().clone()
}

impl Body for Pictures {
    type Data = Bytes;
    type Error = Infallible;

    /// Called when the previous frame is about to be written: a viewer that does not read takes no picture.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let Some((drawn, latest)) = ready!(next.as_mut().poll(task)) else {
            self.next = None;
            return Poll::Ready(None);
        };
        self.next = (!drawn.is_last).then(|| after(latest));
        self.takes.notify_one();
        Poll::Ready(Some(Ok(Frame::data(drawn.event.clone()))))
    }
}
