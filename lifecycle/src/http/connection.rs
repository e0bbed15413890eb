//! [`Connection`]: what is known of a connection, from what passes through its socket and from the requests on it.
//!
//! Invariants:
//!
//! 1. HTTP/1 is at rest when no request is active, everything that was answered has been flushed, and nothing of another head
//!    has come. Only then may its end be read (`reads_end`), and only while draining.
//! 2. A unit in flight is kept until the answer has been handed to the kernel: with HTTP/1 until the flush after its last
//!    frame. So a client that reads slowly keeps it.
//! 3. A unit that is let go of, in the phase `Aborting`, before its answer has ended, counts as aborted, before it counts as ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::guarded_body::Guard;
use super::phase::Phase;
use super::server::Server;
use super::timing::{ASLEEP, FRESH, SETTLE};
use crate::scope::admission::InFlight;

/// What a client begins HTTP/2 with, where it knows before that the server speaks it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) server: Arc<Server>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    protocol: Protocol,
    /// Requests whose answers have not ended.
    active: usize,
    /// The last answer has ended, and may still be in a buffer.
    unflushed: bool,
    /// The unit of that answer.
    flushing: Option<InFlight>,
    /// When the head that is being read began.
    head_since: Option<Instant>,
    /// When something last happened.
    quiet_since: Instant,
    served: bool,
    /// A request was refused whose body may be on its way.
    lingers: bool,
    /// It was told to go away (HTTP/2).
    gone_away: bool,
    /// Since when, if nothing had happened on it for a while by then.
    asleep_since: Option<Instant>,
    upgraded: Option<InFlight>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// So many bytes of the preface have come.
    Unknown(usize),
    Http1,
    Http2,
}

/// What is to be done for a connection at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// It is to be polled, since it is at rest for long enough.
    Poll(Instant),
    /// It is to be closed: what it waits for has not come.
    Close(Instant),
}

impl Connection {
    pub(super) fn new(server: Arc<Server>) -> Arc<Self> {
        Arc::new(Self {
            server,
            state: Mutex::new(State {
                protocol: Protocol::Unknown(0),
                active: 0,
                unflushed: false,
                flushing: None,
                head_since: None,
                quiet_since: Instant::now(),
                served: false,
                lingers: false,
                gone_away: false,
                asleep_since: None,
                upgraded: None,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut state = self.lock();
        let now = Instant::now();
        if let Protocol::Unknown(matched) = state.protocol {
            let rest = &PREFACE[matched..];
            let compared = rest.len().min(bytes.len());
            state.protocol = if rest[..compared] != bytes[..compared] {
                Protocol::Http1
            } else if compared == rest.len() {
                Protocol::Http2
            } else {
                Protocol::Unknown(matched + compared)
            };
        }
        state.quiet_since = now;
        if state.protocol == Protocol::Http2 {
            state.head_since = None;
        } else if state.active == 0 {
            state.head_since.get_or_insert(now);
        }
    }

    pub(super) fn wrote(&self) {
        self.lock().quiet_since = Instant::now();
    }

    /// Everything that was answered is with the kernel.
    pub(super) fn flushed(&self) {
        let mut state = self.lock();
        state.unflushed = false;
        let flushed = state.flushing.take();
        drop(state);
        drop(flushed);
    }

    /// The socket is no more.
    pub(super) fn closed(&self) {
        let mut state = self.lock();
        let units = [state.flushing.take(), state.upgraded.take()];
        drop(state);
        for unit in units.into_iter().flatten() {
            self.server.release(unit);
        }
    }

    /// The answer would be lost if the socket were closed with something unread.
    pub(super) fn linger(&self) {
        self.lock().lingers = true;
    }

    pub(super) fn lingers(&self) -> bool {
        self.lock().lingers
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.lock().upgraded.is_some()
    }

    /// Whether the end is to be read although the client has not closed: it is at rest, has been so for long enough that no
    /// request should be on its way, and the app drains.
    pub(super) fn reads_end(&self) -> bool {
        self.server.phase() == Phase::Draining
            && self
                .lock()
                .rests_until()
                .is_some_and(|until| until <= Instant::now())
    }

    /// Whether an HTTP/2 client is to be told now to go away, by a frame that loses none of its requests.
    pub(super) fn take_goaway(&self) -> bool {
        let mut state = self.lock();
        let goes = state.protocol == Protocol::Http2
            && !state.gone_away
            && match self.server.phase() {
                Phase::Serving => false,
                // A new one may just have been made for a request: like an answer with `Connection: close`.
                Phase::LameDuck => state.served,
                Phase::Draining | Phase::Aborting => true,
            };
        if goes {
            state.gone_away = true;
            let asleep = state.active == 0 && state.quiet_since.elapsed() >= SETTLE;
            state.asleep_since = asleep.then(Instant::now);
        }
        goes
    }

    pub(super) fn due(&self, header_timeout: Duration) -> Option<Due> {
        let state = self.lock();
        if state.upgraded.is_some() {
            return None;
        }
        if let Some(since) = state.head_since {
            return Some(Due::Close(since + header_timeout));
        }
        // It has to answer a ping, and nobody may be there.
        if let Some(since) = state.asleep_since.filter(|_| state.active == 0) {
            return Some(Due::Close(since.max(state.quiet_since) + ASLEEP));
        }
        let until = state.rests_until()?;
        (self.server.phase() == Phase::Draining).then_some(Due::Poll(until))
    }
}

impl State {
    /// Until when, at rest, it waits for a request that may be on its way.
    fn rests_until(&self) -> Option<Instant> {
        let rests = self.protocol != Protocol::Http2
            && self.active == 0
            && !self.unflushed
            && self.head_since.is_none()
            && self.upgraded.is_none();
        let wait = if self.served { SETTLE } else { FRESH };
        rests.then(|| self.quiet_since + wait)
    }
}

/// A request from its head to the end of its answer.
#[derive(Debug)]
pub(super) struct ActiveRequest {
    connection: Arc<Connection>,
    /// None where it was refused.
    in_flight: Option<InFlight>,
    completed: bool,
}

impl ActiveRequest {
    pub(super) fn begin(connection: &Arc<Connection>) -> Self {
        let mut state = connection.lock();
        state.active += 1;
        state.head_since = None;
        state.served = true;
        drop(state);
        Self {
            connection: Arc::clone(connection),
            in_flight: None,
            completed: false,
        }
    }

    pub(super) fn admitted(&mut self, in_flight: InFlight) {
        self.in_flight = Some(in_flight);
    }

    /// The connection is handed over to whoever asked for it: it is in flight until its socket is dropped. With HTTP/2, where
    /// only a stream is handed over, that is when the connection ends, one unit for all its streams.
    pub(super) fn upgraded(&mut self) {
        let unit = self.in_flight.take();
        let mut state = self.connection.lock();
        let old = match unit {
            Some(unit) => state.upgraded.replace(unit),
            None => None,
        };
        drop(state);
        drop(old);
    }
}

impl Guard for ActiveRequest {
    fn completed(mut self) {
        self.completed = true;
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let mut unit = self.in_flight.take();
        let aborted = !self.completed && self.connection.server.phase() == Phase::Aborting;
        let mut state = self.connection.lock();
        state.active -= 1;
        state.quiet_since = Instant::now();
        if state.protocol != Protocol::Http2 {
            state.unflushed = true;
            if !aborted {
                // One at a time: the one before was flushed before this one was read.
                std::mem::swap(&mut state.flushing, &mut unit);
            }
        }
        drop(state);
        match unit {
            Some(unit) if aborted => self.connection.server.release(unit),
            unit => drop(unit),
        }
    }
}
