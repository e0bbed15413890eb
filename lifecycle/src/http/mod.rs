//! HTTP servers with a graceful stop: admitted requests run to completion, late ones get 503 or a refused connection.
//!
//! [`serve()`] is a whole server, for an axum `Router` or any tower service. [`DrainLayer`] is the part of it that
//! counts requests, for other servers and for tonic. [`bind`] uses a socket that systemd passed to the process, or
//! makes one.
//!
//! # The drain
//!
//! | phase | HTTP/1 | HTTP/2 |
//! | --- | --- | --- |
//! | lame duck | requests are served; responses carry `Connection: close` | requests are served; a connection that has served one gets GOAWAY |
//! | admission closed | late requests get 503 with `Retry-After` and `Connection: close` | late requests get 503 with `Retry-After` |
//! | stop of the scope requested | connections in the backlog are accepted and answered, then the port is closed; idle connections are closed | the same; every connection gets GOAWAY |
//! | the scope's time is over | requests still in flight are aborted, counted under the name of the scope, and the exit code is 3 | the same |
//!
//! - **Requests, streams and upgrades** that were admitted continue until the end of the scope's time
//!   ([`Shutdown::remaining`]), less a tenth of it, at most 100 ms. A request is in flight until its response has been
//!   handed to the kernel, and an upgraded connection (a WebSocket) until it is dropped: its handler has to end it, on
//!   [`Shutdown::requested`].
//! - **Idle keep-alive connections** are closed at once, unless the socket holds data: that request is answered. One
//!   that was used within the last 50 ms is kept until it has been idle for that long, and a new one for up to a
//!   second, because a request may be in transit. If one arrives later, its client finds the connection closed and
//!   retries on another ([RFC 9112, 9.3.1]). A lame duck avoids that. HTTP/2 has no such race: the server names the
//!   last stream that it handles ([RFC 9113, 6.8]).
//! - **The port** refuses connections from the request to stop on; none is accepted by the kernel and then dropped. On
//!   Linux a filter on the socket does this, in programs with [`#[lifecycle::main]`](macro@crate::main); a client whose
//!   first packet arrives in the instant of closing is refused a second later. If connections arrived within the last
//!   50 ms, the port closes that much later, so that handshakes in progress are answered, too. A socket that this
//!   process [inherited](bind), or that is [shared](Serve::shared), is not shut.
//! - **Slow clients** cannot delay the stop beyond the scope's time. The head of an HTTP/1 request must arrive within
//!   [30 s](Serve::header_timeout).
//!
//! # Server-sent events
//!
//! With the feature `stream`, a response that the stop interrupts can end with a marker, by which its reader
//! distinguishes it from a complete one:
//!
//! ```
//! # #[cfg(feature = "stream")] mod example {
//! use std::convert::Infallible;
//!
//! use axum::response::sse::{Event, Sse};
//! use futures_util::{Stream, StreamExt as _, stream};
//! use lifecycle::{InterruptibleStream as _, Shutdown};
//!
//! fn tokens() -> impl Stream<Item = String> + Send + 'static {
//!     stream::iter(["one".to_owned(), "two".to_owned()])
//! }
//!
//! fn answer(shutdown: &Shutdown) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
//!     let events = tokens()
//!         .map(|token| Event::default().data(token))
//!         .interruptible(shutdown)
//!         .collecting((), |(), _| ())
//!         .on_interrupt(async |(), _| Some(Event::default().event("end").data("shutdown")));
//!     Sse::new(events.map(Ok))
//! }
//! # }
//! ```
//!
//! [RFC 9112, 9.3.1]: https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1
//! [RFC 9113, 6.8]: https://www.rfc-editor.org/rfc/rfc9113#section-6.8
//! [`Shutdown::remaining`]: crate::Shutdown::remaining
//! [`Shutdown::requested`]: crate::Shutdown::requested

mod accept_loop;
mod admitting_service;
mod connection;
mod connection_task;
mod drain;
mod guarded_body;
mod listener;
mod phase;
mod refusal;
mod serve;
mod server;
mod socket_activation;
mod timing;
mod watched_io;

pub use self::drain::{Drain, DrainBody, DrainFuture, DrainLayer};
pub use self::listener::Listener;
pub use self::serve::{Serve, ServeFuture, serve};
pub use self::socket_activation::{bind, tcp_by_name, unix_by_name};

#[cfg(test)]
mod tests;
