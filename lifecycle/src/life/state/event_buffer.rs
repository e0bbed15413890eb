//! [`EventBuffer`]: events on their way to the observer.

use tokio::time::Instant;

use crate::api::event::{Event, EventKind, Observer};

/// How many events are kept back at most.
const MOST: usize = 64;

/// Events are passed on when the driver has nothing else to do, so that an observer, which may wake threads, holds up no
/// component.
pub(crate) struct EventBuffer {
    observer: Observer,
    kept: Vec<Event>,
}

impl EventBuffer {
    pub(crate) fn new(observer: Observer) -> Self {
        Self {
            observer,
            kept: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, kind: EventKind) {
        self.kept.push(Event::new(Instant::now().into_std(), kind));
        // A driver that is never idle must not keep an observer waiting for ever, nor take more and more memory.
        if self.kept.len() == MOST {
            self.flush();
        }
    }

    /// Passes on what is kept.
    pub(crate) fn flush(&mut self) {
        for event in self.kept.drain(..) {
            (self.observer)(event);
        }
    }
}
