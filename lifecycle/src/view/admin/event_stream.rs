//! The stream of pictures, as server-sent events: the body of an answer that ends when the process does.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::{Notify, watch};

use crate::view::admin::live_picture::Painted;

type Latest = watch::Receiver<Option<Arc<Painted>>>;

pub(super) struct Pictures {
    /// Nothing after the last one.
    next: Option<Next>,
    takes: Arc<Notify>,
}

type Next = Pin<Box<dyn Future<Output = Option<(Arc<Painted>, Latest)>> + Send>>;

impl Pictures {
    /// Those that are painted from now on.
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

/// The next picture, or the last one.
pub(super) async fn next(latest: &mut Latest) -> Option<Arc<Painted>> {
    // Seen is what was there when the receiver was made, or was taken last.
    let known = latest.borrow().clone();
    if let Some(painted) = known.filter(|painted| painted.is_last) {
        return Some(painted);
    }
    latest.changed().await.ok()?;
    latest.borrow_and_update().clone()
}

impl Body for Pictures {
    type Data = Bytes;
    type Error = Infallible;

    /// Called when what was taken before is about to be written: whoever does not read takes none.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let Some((painted, latest)) = ready!(next.as_mut().poll(task)) else {
            self.next = None;
            return Poll::Ready(None);
        };
        self.next = (!painted.is_last).then(|| after(latest));
        self.takes.notify_one();
        Poll::Ready(Some(Ok(Frame::data(painted.event.clone()))))
    }
}
