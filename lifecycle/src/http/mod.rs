//! HTTP that ends well: every request that was admitted is answered, to the end of its body, and whoever comes too late is told
//! so instead of being left in the dark.
//!
//! [`serve()`] is a whole server, for an axum `Router` or any tower service. [`DrainLayer`] is the part of it that counts
//! requests, for servers of your own and for tonic. [`bind`] takes a socket that systemd handed over, or makes one.
//!
//! # What happens at the end
//!
//! | phase | HTTP/1 | HTTP/2 |
//! | --- | --- | --- |
//! | lame duck | everything is served; answers carry `Connection: close` | everything is served; who has asked once is told to go away |
//! | admission has closed | new requests: 503 with `Retry-After` and `Connection: close` | new requests: 503 with `Retry-After` |
//! | the scope is told | who waits in the backlog is accepted and answered, then the port is closed; idle connections are closed | the same; everyone is told to go away (GOAWAY) |
//! | the scope's time is over | what is left is cut, counted by the name of the scope, and makes the exit code 3 | the same |
//!
//! - **Requests, streams and upgrades** that were admitted go on until the scope's time is over ([`Shutdown::remaining`]), less a
//!   tenth of it, at most 100 ms. A unit is in flight until its answer was handed to the kernel, and an upgraded connection
//!   (a WebSocket) until it is dropped: tell it to end yourself, by [`Shutdown::requested`].
//! - **Idle keep-alive connections** are closed at once, unless something of them can be read: that is answered. One that was
//!   used within the last 50 ms is kept until it is idle for that long, and a new one for up to a second, since a
//!   request may be on its way. Where one comes later all the same, its client finds the connection closed and tries again on
//!   another ([RFC 9112, 9.3.1]); a lame duck avoids that.
//! - **The port** refuses everyone from the moment on when it is told: no connection is accepted by the kernel and then
//!   forgotten (Linux: a filter on the socket, in programs with [`#[lifecycle::main]`](macro@crate::main); a client whose first packet falls into the
//!   instant of closing is refused a second later). Where connections came within the last 50 ms, it takes that long, so
//!   that those in the making are answered, too. A socket that this process was [handed](bind), or that is [shared](Serve::shared), is left to others
//!   as it is.
//! - **Slow clients** hold nothing beyond the scope's time. The head of an HTTP/1 request must come within
//!   [30 s](Serve::header_timeout).
//!
//! # Server-sent events
//!
//! With the feature `stream` an answer in the middle of which the app stops gets an end marker, so that its reader can tell it
//! from one that is complete:
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
//! [`Shutdown::remaining`]: crate::Shutdown::remaining
//! [`Shutdown::requested`]: crate::Shutdown::requested

mod admitting_service;
mod connection;
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
pub use self::serve::{Serve, serve};
pub use self::socket_activation::{bind, tcp_by_name, unix_by_name};

#[cfg(test)]
mod tests;
