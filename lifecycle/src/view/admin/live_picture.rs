//! The live pictures: painted by one task for all who look on, and only while somebody does.
//!
//! The driver is asked how far the life has come, so that a picture is made of the same as that of the report. A picture
//! is due when the driver tells of something, when somebody comes, and now and then, since time goes by; whoever reads
//! more slowly than they are painted misses some, and has the last one.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::select;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Instant, sleep};

use crate::life::input::Input;
use crate::report::Report;
use crate::view::admin::state::AdminState;
use crate::view::picture::live::Picture;
use crate::view::status::Phase;

/// Streams of pictures at a time: far fewer than connections, so that they can never take the place of probes.
const MOST: usize = 16;
/// The least between two pictures.
const PAUSE: Duration = Duration::from_millis(100);
/// A picture of very many components may take its time to be painted: so many times as long nothing else is.
const SHARE: u32 = 10;
/// How old a picture gets while something is under way; where nothing is, a tenth of how long that has been so, up to
/// this.
const TICK: Duration = Duration::from_secs(1);
const CALM: Duration = Duration::from_secs(10);
/// What the process waits at its end for those who look on to get the last picture.
const FAREWELL: Duration = Duration::from_millis(250);

pub(super) struct Gallery {
    /// How many look on.
    lookers: watch::Sender<usize>,
    latest: watch::Sender<Option<Arc<Painted>>>,
    places: Arc<Semaphore>,
    /// There is something new to be seen.
    news: Notify,
    end: OnceLock<Report>,
    /// That cuts short what is between two pictures.
    end_news: Notify,
    /// Told when everybody has the last picture.
    seen: Mutex<Option<SyncSender<()>>>,
}

pub(super) struct Painted {
    pub(super) picture: Picture,
    /// As an event of the stream.
    pub(super) event: Bytes,
    pub(super) is_last: bool,
}

/// Somebody who looks on, until it is dropped: when the connection has ended, and all is written.
pub(super) struct Looker {
    gallery: Arc<Gallery>,
    /// Told for each picture that is taken, where it is a stream of them.
    stream: OnceLock<(Arc<Notify>, OwnedSemaphorePermit)>,
}

/// Waits until those who look on have seen the end.
#[must_use = "the process must not end before"]
pub(crate) struct Farewell(Option<Receiver<()>>);

impl Default for Gallery {
    fn default() -> Self {
        Self {
            lookers: watch::Sender::new(0),
            latest: watch::Sender::new(None),
            places: Arc::new(Semaphore::new(MOST)),
            news: Notify::new(),
            end: OnceLock::new(),
            end_news: Notify::new(),
            seen: Mutex::new(None),
        }
    }
}

impl Gallery {
    /// Something has changed. Costs next to nothing where nobody looks on.
    pub(super) fn change(&self) {
        self.news.notify_one();
    }

    /// The life has ended so.
    pub(super) fn end(&self, report: &Report) -> Farewell {
        let (seen, is_seen) = sync_channel(1);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        let _ = self.end.set(report.clone());
        self.news.notify_one();
        self.end_news.notify_one();
        let anybody = *self.lookers.borrow() > 0;
        Farewell(anybody.then_some(is_seen))
    }

    pub(super) fn latest(&self) -> watch::Receiver<Option<Arc<Painted>>> {
        self.latest.subscribe()
    }
}

impl Looker {
    pub(super) fn new(gallery: &Arc<Gallery>) -> Self {
        gallery.lookers.send_modify(|lookers| *lookers += 1);
        Self {
            gallery: Arc::clone(gallery),
            stream: OnceLock::new(),
        }
    }

    /// Makes it one of the few who get a stream of pictures; what is to be told whenever it takes one.
    pub(super) fn stay(&self) -> Option<Arc<Notify>> {
        let permit = Arc::clone(&self.gallery.places).try_acquire_owned();
        let takes = Arc::<Notify>::default();
        self.stream
            .set((Arc::clone(&takes), permit.ok()?))
            .ok()
            .map(|()| takes)
    }

    /// What is told whenever it takes a picture, where it gets a stream of them.
    pub(super) fn takes(&self) -> Option<&Notify> {
        self.stream.get().map(|(takes, _)| &**takes)
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        let lookers = &self.gallery.lookers;
        lookers.send_modify(|lookers| *lookers -= 1);
    }
}

impl Farewell {
    pub(crate) const NOBODY: Self = Self(None);

    pub(crate) fn is_nobody(&self) -> bool {
        self.0.is_none()
    }

    /// Waits for so long at most.
    pub(crate) fn wait(self, left: Duration) {
        if let Some(seen) = self.0 {
            let _ = seen.recv_timeout(FAREWELL.min(left));
        }
    }
}

/// Paints while somebody looks on, until the last picture.
pub(super) async fn paint(gallery: Arc<Gallery>, state: Arc<AdminState>) {
    let mut lookers = gallery.lookers.subscribe();
    while lookers.wait_for(|lookers| *lookers > 0).await.is_ok() {
        let begun = Instant::now();
        if let Some(painted) = paint_one(&gallery, &state).await {
            let is_last = painted.is_last;
            gallery.latest.send_replace(Some(Arc::new(painted)));
            if is_last {
                let _ = lookers.wait_for(|lookers| *lookers == 0).await;
                let seen = gallery.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = seen.as_ref().map(|seen| seen.try_send(()));
                return;
            }
        }
        let pause = PAUSE.max(begun.elapsed() * SHARE);
        let tick = tick(&state);
        select! {
            () = sleep(pause) => {}
            () = gallery.end_news.notified() => {}
        }
        select! {
            () = gallery.news.notified() => {}
            _ = lookers.changed() => {}
            () = sleep(tick) => {}
        }
    }
}

fn tick(state: &AdminState) -> Duration {
    let status = &state.known().status;
    if status.phase == Phase::Running {
        let calm = status.since.elapsed();
        (calm / 10).clamp(TICK, CALM)
    } else {
        TICK
    }
}

/// Nothing where there is no life yet, or none any more and no report of it.
async fn paint_one(gallery: &Gallery, state: &AdminState) -> Option<Painted> {
    let so_far = match gallery.end.get() {
        Some(_) => None,
        None => {
            let (ask, answer) = oneshot::channel();
            state.driver()?.send(Input::Look(ask)).ok()?;
            select! {
                so_far = answer => Some(so_far.ok()?),
                // A driver that has ended answers nothing, and what it leaves is dropped in its own time.
                () = gallery.end_news.notified() => None,
            }
        }
    };
    let (kind, picture) = match &so_far {
        Some(so_far) => ("picture", Picture::so_far(so_far)),
        None => ("ended", Picture::of(gallery.end.get()?)),
    };
    let event = format!("event: {kind}\ndata: {}\n\n", picture.json());
    Some(Painted {
        picture,
        event: event.into(),
        is_last: so_far.is_none(),
    })
}
