//! [`Connection`]: the state of a connection, derived from the bytes through its socket and from its requests.
//!
//! Invariants:
//!
//! 1. An HTTP/1 connection is idle when no request is active, every response has been flushed, and no byte of another
//!    head has been read. Only an idle connection may read the end of its stream early (`reads_end`), and only while
//!    draining.
//! 2. A unit in flight is kept until the response has been handed to the kernel: with HTTP/1 until the flush after its
//!    last frame. So a client that reads slowly keeps it.
//! 3. A unit that is released in the phase `Aborting` before its response is complete counts as aborted before it
//!    counts as ended: the report is made when the last unit has ended.
//!
//! Units are dropped outside the lock: the drop may wake the driver.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::guarded_body::Guard;
use super::phase::Phase;
use super::server::Server;
use super::timing::{ASLEEP, FRESH, SETTLE};
use crate::scope::admission::InFlight;

/// The connection preface of a client with prior knowledge of HTTP/2 (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) server: Arc<Server>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    protocol: Protocol,
    /// The number of requests whose responses are not complete.
    active: usize,
    /// The last response is complete, but may still be in a buffer.
    unflushed: bool,
    /// The unit of that response.
    flushing: Option<InFlight>,
    /// When the first byte of the head arrived that is being read.
    head_since: Option<Instant>,
    /// When bytes last passed, or a request last ended.
    quiet_since: Instant,
    /// A request has arrived on it.
    served: bool,
    /// A request was refused whose body may still arrive.
    lingers: bool,
    /// A GOAWAY is due or sent (HTTP/2).
    gone_away: bool,
    /// When the GOAWAY was sent, if the connection had been idle for a while by then.
    asleep_since: Option<Instant>,
    /// The unit of a connection that was upgraded.
    upgraded: Option<InFlight>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// That many bytes of the preface have arrived.
    Unknown(usize),
    Http1,
    Http2,
}

/// What is due for a connection, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// To poll it: it has then been idle for long enough to read the end.
    Poll(Instant),
    /// To close it: the client has not sent what the server waits for.
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

    /// Bytes have been read from the socket.
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

    /// Bytes have been written to the socket.
    pub(super) fn wrote(&self) {
        self.lock().quiet_since = Instant::now();
    }

    /// Everything that was written is with the kernel.
    pub(super) fn flushed(&self) {
        let mut state = self.lock();
        state.unflushed = false;
        let flushed = state.flushing.take();
        drop(state);
        drop(flushed);
    }

    /// The socket has been dropped.
    pub(super) fn closed(&self) {
        let mut state = self.lock();
        let units = [state.flushing.take(), state.upgraded.take()];
        drop(state);
        for unit in units.into_iter().flatten() {
            self.server.release(unit);
        }
    }

    /// Asks for a lingering close: the client would lose the response if the socket were closed with data unread.
    pub(super) fn linger(&self) {
        self.lock().lingers = true;
    }

    pub(super) fn lingers(&self) -> bool {
        self.lock().lingers
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.lock().upgraded.is_some()
    }

    /// Whether a read yields the end of the stream although the client has not closed it: the app drains, and the
    /// connection has been idle for so long that no request should be in transit. hyper then closes it as if the client
    /// had.
    pub(super) fn reads_end(&self) -> bool {
        self.server.phase() == Phase::Draining
            && self
                .lock()
                .idle_until()
                .is_some_and(|until| until <= Instant::now())
    }

    /// Whether a GOAWAY is due now; `true` once. hyper sends it in two steps (RFC 9113, 6.8), so that no request that
    /// the client has sent is lost.
    pub(super) fn take_goaway(&self) -> bool {
        let mut state = self.lock();
        let due = state.protocol == Protocol::Http2
            && !state.gone_away
            && match self.server.phase() {
                Phase::Serving => false,
                // A client that has just connected gets its first response before it is sent elsewhere, as with
                // HTTP/1's `Connection: close`.
                Phase::LameDuck => state.served,
                Phase::Draining | Phase::Aborting => true,
            };
        if due {
            state.gone_away = true;
            let asleep = state.active == 0 && state.quiet_since.elapsed() >= SETTLE;
            state.asleep_since = asleep.then(Instant::now);
        }
        due
    }

    /// What is due next, if the client sends nothing until then.
    pub(super) fn due(&self, header_timeout: Duration) -> Option<Due> {
        let state = self.lock();
        if state.upgraded.is_some() {
            return None;
        }
        if let Some(since) = state.head_since {
            return Some(Due::Close(since + header_timeout));
        }
        // hyper waits for the answer to the PING between the two GOAWAY frames, without a limit of its own. A client
        // that has vanished would hold up the drain.
        if let Some(since) = state.asleep_since.filter(|_| state.active == 0) {
            return Some(Due::Close(since.max(state.quiet_since) + ASLEEP));
        }
        let until = state.idle_until()?;
        (self.server.phase() == Phase::Draining).then_some(Due::Poll(until))
    }
}

impl State {
    /// Until when an idle HTTP/1 connection is kept for a request that may be in transit; `None` if it is not idle.
    fn idle_until(&self) -> Option<Instant> {
        let idle = self.protocol != Protocol::Http2
            && self.active == 0
            && !self.unflushed
            && self.head_since.is_none()
            && self.upgraded.is_none();
        let wait = if self.served { SETTLE } else { FRESH };
        idle.then(|| self.quiet_since + wait)
    }
}

/// A request, from its head to the end of its response.
#[derive(Debug)]
pub(super) struct ActiveRequest {
    connection: Arc<Connection>,
    /// `None` for a late request.
    in_flight: Option<InFlight>,
    /// The response has been written to its end.
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

    /// The connection now belongs to the handler that upgraded it: it is in flight until its socket is dropped. With
    /// HTTP/2, where only a stream is handed over, that is when the connection ends: one unit for all of its streams.
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
                // At most one unit waits for its flush: HTTP/1 answers one request at a time, and hyper flushes a
                // response before it reads the next request.
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
