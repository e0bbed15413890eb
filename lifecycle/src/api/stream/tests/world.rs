//! An app with one scope, and streams in it.

use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::api::shutdown::Shutdown;
use crate::api::stream::{InterruptReason, InterruptibleStream as _};
use crate::scope::admission::Admission;
use crate::scope::waiters::Latch;
use crate::scope::{AppRequest, AppState, Scope};

pub(super) const LETTERS: [&str; 5] = ["a", "b", "c", "d", "e"];
pub(super) const LONG: Duration = Duration::from_secs(3600);

/// An app with one scope.
pub(super) struct World {
    pub(super) scope: Arc<Scope>,
    pub(super) idle: Arc<Notify>,
    pub(super) panics: mpsc::UnboundedReceiver<String>,
}

impl World {
    pub(super) fn new() -> Self {
        let idle = Arc::new(Notify::new());
        let notify = Arc::clone(&idle);
        let (panicked, panics) = mpsc::unbounded_channel();
        let app = Arc::new(AppState {
            runtime: Handle::current(),
            reason: OnceLock::new(),
            admission: Admission::new(move || notify.notify_one()),
            lame_duck: Latch::new(),
            wake: Box::new(|wakers| wakers.into_iter().for_each(Waker::wake)),
            ask: Box::new(move |request| {
                if let AppRequest::ReportPanic { task, error, .. } = request {
                    let _ = panicked.send(format!("{task}: {error}"));
                }
            }),
        });
        Self {
            scope: Scope::new("app".into(), app),
            idle,
            panics,
        }
    }

    pub(super) fn shutdown(&self) -> Shutdown {
        Shutdown::new(Arc::clone(&self.scope))
    }

    pub(super) fn drain(&self) {
        self.scope.app.admission.close();
        self.request_stop();
    }

    pub(super) fn request_stop(&self) {
        self.request_stop_within(LONG);
    }

    /// Asks the scope to stop within this time.
    pub(super) fn request_stop_within(&self, time: Duration) {
        let until = Instant::now() + time;
        self.scope.request_stop(until, until + LONG);
    }

    /// Waits until nothing is in flight.
    pub(super) async fn idle(&self) {
        self.scope.app.admission.close();
        while self.scope.app.admission.in_flight() > 0 {
            self.idle.notified().await;
        }
    }
}

/// What was passed to the saves. It ends when no save can follow.
pub(super) type Saves = mpsc::UnboundedReceiver<(String, InterruptReason)>;

/// A stream that is saved, with `!` as its end marker.
pub(super) fn saved<S>(
    inner: S,
    world: &World,
) -> (impl Stream<Item = &'static str> + Unpin + use<S>, Saves)
where
    S: Stream<Item = &'static str>,
{
    saved_within(None, inner, world)
}

/// Like [`saved`]; with a margin the stream may finish.
pub(super) fn saved_within<S>(
    margin: Option<Duration>,
    inner: S,
    world: &World,
) -> (impl Stream<Item = &'static str> + Unpin + use<S>, Saves)
where
    S: Stream<Item = &'static str>,
{
    let (save, saves) = mpsc::unbounded_channel();
    let mut collecting = inner
        .interruptible(&world.shutdown())
        .collecting(String::new(), |text, letter| text.push_str(letter));
    if let Some(margin) = margin {
        collecting = collecting.finishing(margin);
    }
    let stream = collecting.on_interrupt(async move |text, why| {
        // The save is pending at least once.
        tokio::task::yield_now().await;
        save.send((text, why)).expect("the test listens");
        Some("!")
    });
    (stream, saves)
}

/// All letters at once, and then no end.
pub(super) fn letters() -> impl Stream<Item = &'static str> {
    stream::iter(LETTERS).chain(stream::pending())
}

pub(super) async fn take(
    stream: &mut (impl Stream<Item = &'static str> + Unpin),
    count: usize,
) -> String {
    stream.take(count).collect().await
}

/// The only save.
pub(super) async fn only(mut saves: Saves) -> (String, InterruptReason) {
    let save = saves.recv().await.expect("it is saved");
    assert_eq!(saves.recv().await, None, "it is saved again");
    save
}
