//! [`serve`]: a whole HTTP server, whose [`AcceptLoop`] is private.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use super::accept_loop::AcceptLoop;
use super::listener::Listener;
use super::timing::HEADER_TIMEOUT;
use crate::api::shutdown::Shutdown;
use crate::error::BoxError;

/// A server that [`serve`] has configured and that runs once it is awaited.
///
/// Awaiting it yields an [`io::Result<()>`](io::Result); [`serve`] documents its errors and its cancel safety.
///
/// ```
/// use std::time::Duration;
///
/// use axum::Router;
/// use lifecycle::{Shutdown, http};
///
/// # async fn run(shutdown: Shutdown) -> std::io::Result<()> {
/// let listener = http::bind(([127, 0, 0, 1], 0)).await?;
/// http::serve(listener, Router::new(), shutdown)
///     .header_timeout(Duration::from_secs(5))
///     .await
/// # }
/// ```
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<L, S, B> {
    listener: L,
    service: S,
    shutdown: Shutdown,
    header_timeout: Duration,
    shared: bool,
    body: PhantomData<fn() -> B>,
}

/// Serves HTTP/1.1 and HTTP/2 until the scope is asked to stop, then drains.
///
/// The [module](super) describes the drain. The returned future completes with `Ok(())` when all connections have
/// ended, or at the end of the scope's time.
///
/// `service` is an axum `Router`, or any tower service of HTTP requests; a clone of it serves each request. Handlers
/// get the peer's address from axum's `ConnectInfo`, as `ConnectInfo<SocketAddr>` for TCP. A handler that panics is
/// reported under the name of this scope, and its request gets `500 Internal Server Error`.
///
/// ```
/// use axum::{Router, routing::get};
/// use lifecycle::{Shutdown, background, http, resource};
/// use tokio::net::TcpListener;
///
/// /// A resource, so that a port in use fails the startup.
/// struct HttpListener {
///     socket: std::sync::Mutex<Option<TcpListener>>,
/// }
///
/// #[resource]
/// impl HttpListener {
///     async fn start() -> std::io::Result<Self> {
///         let socket = http::bind(([127, 0, 0, 1], 8080)).await?;
///         Ok(Self { socket: Some(socket).into() })
///     }
/// }
///
/// #[background(timeout = "8s")]
/// async fn serve(listener: &HttpListener, shutdown: Shutdown) -> std::io::Result<()> {
///     let socket = listener.socket.lock().unwrap().take().expect("it is served once");
///     let router = Router::new().route("/", get(async || "hello"));
///     http::serve(socket, router, shutdown).await
/// }
/// ```
///
/// # Errors
///
/// The future completes with an error if the listener itself is unusable, for example because its descriptor is closed.
/// It does not complete with one when a connection fails, nor when the process runs out of descriptors or memory:
/// `accept` is tried again then, after a second or as soon as a connection ends.
///
/// # Panics
///
/// The future panics when it is polled outside a tokio runtime with its time and I/O drivers enabled.
///
/// # Cancel safety
///
/// Not cancel safe: dropping the future drops its connections, and the requests in flight on them count as aborted.
pub fn serve<L, S, B>(listener: L, service: S, shutdown: Shutdown) -> Serve<L, S, B>
where
    L: Listener,
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Serve {
        listener,
        service,
        shutdown,
        header_timeout: HEADER_TIMEOUT,
        shared: false,
        body: PhantomData,
    }
}

impl<L, S, B> Serve<L, S, B> {
    /// Limits how long the head of an HTTP/1 request may take, from its first byte to its last.
    ///
    /// A connection that exceeds the limit is closed without a response. Idle connections are not affected. The default
    /// is 30 seconds, as in hyper.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// Declares that other processes accept from the same socket, now or later.
    ///
    /// The server then drains without touching the socket: it does not shut it, and connections that wait in the
    /// backlog stay there for the other processes. Without this call, only a socket that this process inherited counts
    /// as shared, for example one from [systemd](super::bind).
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }
}

impl<L, S, B> fmt::Debug for Serve<L, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("shutdown", &self.shutdown)
            .finish_non_exhaustive()
    }
}

impl<L, S, B> IntoFuture for Serve<L, S, B>
where
    L: Listener,
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = io::Result<()>;
    type IntoFuture = ServeFuture;

    fn into_future(self) -> ServeFuture {
        let accept_loop = AcceptLoop::new(
            self.listener,
            self.shared,
            self.service,
            self.shutdown,
            self.header_timeout,
        );
        ServeFuture(Box::pin(accept_loop.run()))
    }
}

/// The future of a running server: what awaiting [`Serve`] polls.
#[must_use = "futures do nothing unless polled"]
pub struct ServeFuture(Pin<Box<dyn Future<Output = io::Result<()>> + Send>>);

impl Future for ServeFuture {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for ServeFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeFuture").finish_non_exhaustive()
    }
}
