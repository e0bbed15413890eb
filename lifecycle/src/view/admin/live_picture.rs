//! The live pictures: drawn by one task for all viewers, and only while there are any.
//!
//! The driver is asked how far the life has come, so that a live picture is made of the same data as that of the
//! report. A picture is due when the driver reports an event, when a viewer arrives, and periodically, since time
//! passes. A viewer that reads more slowly than pictures are drawn misses some, and gets the latest one.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::select;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use crate::life::input::Input;
use crate::report::Report;
use crate::view::picture::live::Picture;

/// The number of streams at a time: far fewer than connections, so that streams never take the place of probes.
const MOST: usize = 16;
/// The least time between two pictures.
const PAUSE: Duration = Duration::from_millis(100);
/// Drawing many components takes its time. The task then pauses for this many times as long, so that it takes a tenth
/// of the admin's thread at most.
const SHARE: u32 = 10;
/// The greatest age of a picture while the app starts or stops. While it runs, it is a tenth of how long it has been
/// running, from `TICK` up to `CALM`.
const TICK: Duration = Duration::from_secs(1);
const CALM: Duration = Duration::from_secs(10);
/// How long the end of the process waits for the viewers to get the last picture.
const FAREWELL: Duration = Duration::from_millis(250);

/// The life that is drawn.
pub(super) trait Source: Send + Sync + 'static {
    /// The input of the driver, once there is a driver.
    fn driver(&self) -> Option<&mpsc::UnboundedSender<Input>>;

    /// How long the app has been running; `None` while it starts or stops.
    fn running_for(&self) -> Option<Duration>;
}

/// What the task that draws, the viewers and the driver share.
pub(super) struct LivePicture {
    /// How many there are.
    viewers: watch::Sender<usize>,
    latest: watch::Sender<Option<Arc<Drawn>>>,
    places: Arc<Semaphore>,
    /// Something has changed since the last picture.
    news: Notify,
    end: OnceLock<Report>,
    /// Ends the pause between two pictures.
    end_news: Notify,
    /// Notified once all viewers have the last picture.
    seen: Mutex<Option<SyncSender<()>>>,
}

pub(super) struct Drawn {
    pub(super) picture: Picture,
    /// As an event of the stream.
    pub(super) event: Bytes,
    pub(super) is_last: bool,
}

/// A connection that gets pictures, until it is dropped: when the connection has ended and everything is written.
pub(super) struct Viewer {
    live_picture: Arc<LivePicture>,
    /// For a stream: notified whenever it takes a picture.
    stream: OnceLock<(Arc<Notify>, OwnedSemaphorePermit)>,
}

/// Waits until the viewers have the last picture.
#[must_use = "the process must not end before"]
pub(crate) struct Farewell(Option<Receiver<()>>);

impl Default for LivePicture {
    fn default() -> Self {
        Self {
            viewers: watch::Sender::new(0),
            latest: watch::Sender::new(None),
            places: Arc::new(Semaphore::new(MOST)),
            news: Notify::new(),
            end: OnceLock::new(),
            end_news: Notify::new(),
            seen: Mutex::new(None),
        }
    }
}

impl LivePicture {
    /// Notes that something has changed. It costs next to nothing without viewers: the driver calls it for every event.
    pub(super) fn change(&self) {
        self.news.notify_one();
    }

    /// Notes that the life has ended.
    pub(super) fn end(&self, report: &Report) -> Farewell {
        let (seen, is_seen) = sync_channel(1);
        // Before the end is set: the task takes the sender once it has drawn the end.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        let _ = self.end.set(report.clone());
        self.news.notify_one();
        self.end_news.notify_one();
        let has_viewers = *self.viewers.borrow() > 0;
        Farewell(has_viewers.then_some(is_seen))
    }

    pub(super) fn latest(&self) -> watch::Receiver<Option<Arc<Drawn>>> {
        self.latest.subscribe()
    }
}

impl Viewer {
    pub(super) fn new(live_picture: &Arc<LivePicture>) -> Self {
        live_picture.viewers.send_modify(|viewers| *viewers += 1);
        Self {
            live_picture: Arc::clone(live_picture),
            stream: OnceLock::new(),
        }
    }

    /// Turns it into a stream of pictures, if there is a place. Returns what to notify whenever it takes one.
    pub(super) fn stay(&self) -> Option<Arc<Notify>> {
        let permit = Arc::clone(&self.live_picture.places).try_acquire_owned();
        let takes = Arc::<Notify>::default();
        self.stream
            .set((Arc::clone(&takes), permit.ok()?))
            .ok()
            .map(|()| takes)
    }

    /// What a stream notifies whenever it takes a picture; `None` if it is not a stream.
    pub(super) fn takes(&self) -> Option<&Notify> {
        self.stream.get().map(|(takes, _)| &**takes)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let viewers = &self.live_picture.viewers;
        viewers.send_modify(|viewers| *viewers -= 1);
    }
}

impl Farewell {
    /// There is no viewer to wait for.
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Waits for `remaining` at most.
    pub(crate) fn wait(self, remaining: Duration) {
        if let Some(seen) = self.0 {
            let _ = seen.recv_timeout(FAREWELL.min(remaining));
        }
    }
}

/// Draws while there are viewers, up to the last picture.
pub(super) async fn draw(live_picture: Arc<LivePicture>, source: Arc<impl Source>) {
    let mut viewers = live_picture.viewers.subscribe();
    while viewers.wait_for(|viewers| *viewers > 0).await.is_ok() {
        let begun = Instant::now();
        if let Some(drawn) = draw_one(&live_picture, &*source).await {
            let is_last = drawn.is_last;
            live_picture.latest.send_replace(Some(Arc::new(drawn)));
            if is_last {
                let _ = viewers.wait_for(|viewers| *viewers == 0).await;
                let seen = &live_picture.seen;
                let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = seen.as_ref().map(|seen| seen.try_send(()));
                return;
            }
        }
        let pause = PAUSE.max(begun.elapsed() * SHARE);
        let tick = source
            .running_for()
            .map_or(TICK, |calm| (calm / 10).clamp(TICK, CALM));
        select! {
            () = sleep(pause) => {}
            () = live_picture.end_news.notified() => {}
        }
        select! {
            () = live_picture.news.notified() => {}
            _ = viewers.changed() => {}
            () = sleep(tick) => {}
        }
    }
}

/// Draws one picture. `None` if there is no life yet, or if it has ended and its report is not there yet.
async fn draw_one(live_picture: &LivePicture, source: &impl Source) -> Option<Drawn> {
    let so_far = match live_picture.end.get() {
        Some(_) => None,
        None => {
            let (ask, answer) = oneshot::channel();
            source.driver()?.send(Input::Look(ask)).ok()?;
            select! {
                so_far = answer => Some(so_far.ok()?),
                // A driver that has ended does not answer, and drops its input only later.
                () = live_picture.end_news.notified() => None,
            }
        }
    };
    let (kind, picture) = match &so_far {
        Some(so_far) => ("picture", Picture::so_far(so_far)),
        None => ("ended", Picture::of(live_picture.end.get()?)),
    };
    let event = format!("event: {kind}\ndata: {}\n\n", picture.json());
    Some(Drawn {
        picture,
        event: event.into(),
        is_last: so_far.is_none(),
    })
}
