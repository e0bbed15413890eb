//! [`serve`]: a server that loses no request.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::io;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tower_service::Service;

use super::admitting_service::AdmittingService;
use super::connection::{Connection, Due};
use super::listener::{Listener, is_of_the_listener, is_of_the_peer};
use super::phase::Phase;
use super::server::Server;
use super::timing::{HEADER_TIMEOUT, SETTLE};
use super::watched_io::WatchedIo;
use crate::api::shutdown::Shutdown;
use crate::error::BoxError;
use crate::error::panic::panic_message;

/// How much earlier than its scope a server cuts what is left, at most.
const MARGIN: Duration = Duration::from_millis(100);

/// How long to wait where no connection can be accepted, unless one ends before.
const RETRY: Duration = Duration::from_secs(1);

/// A server that is still to be awaited: [`serve`].
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<L, S, B> {
    listener: L,
    service: S,
    shutdown: Shutdown,
    header_timeout: Duration,
    shared: bool,
    body: PhantomData<fn() -> B>,
}

/// Serves HTTP/1.1 and HTTP/2 until the scope is told to stop, and ends well then: see the [module](super).
///
/// `service` is an axum `Router`, or any tower service of HTTP requests; a clone of it serves each request. Handlers get the
/// peer's address by axum's `ConnectInfo<SocketAddr>`.
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
/// Where the listener cannot be used at all. A connection that fails, and too few descriptors or too little memory for another
/// one, do not end a server.
///
/// # Panics
///
/// A handler that panics is reported, and answered with 500.
///
/// # Cancel safety
///
/// A server that is dropped drops its connections; what was admitted on them counts as cut.
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
    /// How long the head of an HTTP/1 request may take from its first byte on; then its connection is closed. An idle
    /// connection is not closed. Default: 30 s.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// Says that other processes accept from the same socket, now or later, so that it must be left as it is at the end: what
    /// waits in its backlog is theirs. Sockets that this process was started with are known to be shared.
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
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let server = Server::new(self.shutdown);
        let (open, closed) = mpsc::channel(1);
        let mut http = Builder::new(StreamExecutor(Arc::clone(&server)));
        // WebSockets over HTTP/2.
        http.http2().enable_connect_protocol();
        let shared = self.shared || self.listener.is_inherited();
        let running = Running {
            listener: Some(self.listener),
            shared,
            service: self.service,
            http: Arc::new(http),
            header_timeout: self.header_timeout,
            connections: Connections(JoinSet::new(), Arc::clone(&server)),
            server,
            accepted_at: None,
            open: Some(open),
            closed,
        };
        Box::pin(running.run())
    }
}

struct Running<L, S> {
    /// None once the port is closed.
    listener: Option<L>,
    shared: bool,
    service: S,
    http: Arc<Builder<StreamExecutor>>,
    header_timeout: Duration,
    connections: Connections,
    server: Arc<Server>,
    accepted_at: Option<Instant>,
    /// Each socket has a clone, wherever it is: an upgraded one is no connection's any more.
    open: Option<mpsc::Sender<()>>,
    closed: mpsc::Receiver<()>,
}

impl<L, S, B> Running<L, S>
where
    L: Listener,
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async fn run(mut self) -> io::Result<()> {
        let shutdown = self.server.shutdown.clone();
        let stop_requested = shutdown.requested();
        let lame_duck = self.server.lame_duck();
        self.serve_until(stop_requested, lame_duck).await?;
        let margin = MARGIN.min(shutdown.remaining().unwrap_or_default() / 10);
        let abort_due = shutdown.deadline_within(margin);
        self.server.enter(Phase::Draining);
        tokio::select! {
            biased;
            () = self.drain() => {}
            () = abort_due => self.abort().await,
        }
        Ok(())
    }

    async fn serve_until(
        &mut self,
        stop_requested: impl Future<Output = ()>,
        lame_duck: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let (mut stop_requested, mut lame_duck) = (pin!(stop_requested), pin!(lame_duck));
        let mut retry = pin!(sleep(Duration::ZERO));
        let mut waits = false;
        loop {
            let serving = self.server.phase() == Phase::Serving;
            tokio::select! {
                biased;
                () = &mut stop_requested => return Ok(()),
                () = &mut lame_duck, if serving => self.server.enter(Phase::LameDuck),
                Some(ended) = self.connections.0.join_next() => {
                    // There may be a descriptor now.
                    waits = false;
                    self.server.ended(ended);
                }
                () = &mut retry, if waits => waits = false,
                accepted = accept(&mut self.listener), if !waits => match accepted {
                    Ok((io, peer)) => self.accepted(io, peer),
                    Err(error) if is_of_the_peer(&error) => {}
                    Err(error) if is_of_the_listener(&error) => return Err(error),
                    Err(error) => {
                        tracing::error!(target: "lifecycle", %error, "no connection can be accepted; trying again");
                        retry.as_mut().reset(Instant::now() + RETRY);
                        waits = true;
                    }
                },
            }
        }
    }

    /// Answers whoever is connected or about to be, closes the port, and waits for the connections to end.
    async fn drain(&mut self) {
        let mut close = pin!(sleep_until(self.stop_listening()));
        let connections = self.connections.0.len();
        tracing::debug!(target: "lifecycle", connections, "the server drains");
        loop {
            let listens = self.listener.is_some();
            let holds = self.open.is_some();
            tokio::select! {
                biased;
                ended = self.connections.0.join_next(), if !self.connections.0.is_empty() => {
                    ended.into_iter().for_each(|ended| self.server.ended(ended));
                }
                () = &mut close, if listens => {
                    self.take_backlog();
                    self.listener = None;
                    let connections = self.connections.0.len();
                    tracing::debug!(target: "lifecycle", connections, "the port is closed");
                }
                accepted = accept(&mut self.listener), if listens => match accepted {
                    Ok((io, peer)) => self.accepted(io, peer),
                    Err(error) if is_of_the_peer(&error) => {}
                    Err(_) => self.listener = None,
                },
                // From here on no socket is opened any more.
                () = std::future::ready(()), if !listens && holds => self.open = None,
                _ = self.closed.recv(), if !holds => break,
            }
        }
        // The last sockets may have gone just before their tasks.
        while let Some(ended) = self.connections.0.join_next().await {
            self.server.ended(ended);
        }
    }

    /// Sees to it that nobody else gets into the backlog, takes what is in it, and closes the port: now, or when it returns,
    /// where a connection may still be in the making, since others came of late.
    fn stop_listening(&mut self) -> Instant {
        let now = Instant::now();
        let mut refuses = true;
        if !self.shared {
            refuses = self.listener.as_ref().is_none_or(L::refuse);
            self.take_backlog();
        }
        if refuses || self.accepted_at.is_none_or(|at| at + SETTLE <= now) {
            self.listener = None;
        }
        now + SETTLE
    }

    fn take_backlog(&mut self) {
        while let Some(Ok((io, peer))) = self.listener.as_ref().and_then(L::waiting) {
            self.accepted(io, peer);
        }
    }

    fn accepted(&mut self, io: L::Io, peer: L::Addr) {
        let Some(open) = self.open.clone() else {
            return;
        };
        self.accepted_at = Some(Instant::now());
        let connection = Connection::new(Arc::clone(&self.server));
        let io = WatchedIo::new(io, L::has_unread, Arc::clone(&connection), open);
        let service = AdmittingService {
            service: self.service.clone(),
            peer,
            connection: Arc::clone(&connection),
        };
        let http = Arc::clone(&self.http);
        let header_timeout = self.header_timeout;
        self.connections.0.spawn(async move {
            let http = pin!(http.serve_connection_with_upgrades(TokioIo::new(io), service));
            drive(
                &connection,
                header_timeout,
                http,
                |http, context, go_away| {
                    if go_away {
                        http.as_mut().graceful_shutdown();
                    }
                    // Errors are the client's: it went away, or does not speak HTTP.
                    http.as_mut().poll(context).map(drop)
                },
            )
            .await;
        });
    }

    /// The time is over.
    async fn abort(&mut self) {
        self.listener = None;
        self.open = None;
        self.server.enter(Phase::Aborting);
        self.connections.0.abort_all();
        // Upgraded ones end where they are read or written next.
        let all = async {
            while self.connections.0.join_next().await.is_some() {}
            self.closed.recv().await
        };
        let _ = tokio::time::timeout(MARGIN / 2, all).await;
        let (scope, requests) = (&self.server.shutdown.scope.name, self.server.aborted());
        if requests > 0 {
            tracing::warn!(target: "lifecycle", %scope, requests, "the time to drain is over: requests were cut");
        }
    }
}

/// Leads a connection to its end: `poll` polls it, and tells it to go away first, if it should.
async fn drive<C>(
    connection: &Connection,
    header_timeout: Duration,
    mut http: C,
    mut poll: impl FnMut(&mut C, &mut Context<'_>, bool) -> Poll<()>,
) {
    let mut phase = connection.server.phase.subscribe();
    let mut alarm = pin!(sleep(Duration::ZERO));
    // For which time it was polled, to no avail: something has come, and will wake it.
    let mut polled_for = None;
    loop {
        phase.borrow_and_update();
        let step = poll_fn(|context| {
            let mut goes_away = connection.take_goaway();
            loop {
                if poll(&mut http, context, goes_away).is_ready() {
                    return Poll::Ready(());
                }
                // What has just been read may be what makes it go.
                goes_away = connection.take_goaway();
                if goes_away {
                    continue;
                }
                let due = connection.due(header_timeout);
                let (Some(Due::Poll(at)) | Some(Due::Close(at))) = due else {
                    return Poll::Pending;
                };
                if polled_for == Some(at) || !rings(alarm.as_mut(), at, context) {
                    return Poll::Pending;
                }
                if let Some(Due::Close(_)) = due {
                    return Poll::Ready(());
                }
                polled_for = Some(at);
            }
        });
        tokio::select! {
            biased;
            () = step => return,
            _ = phase.changed() => {}
        }
    }
}

/// Whether the alarm rings, once set to that time.
fn rings(mut alarm: Pin<&mut Sleep>, at: Instant, context: &mut Context<'_>) -> bool {
    if alarm.deadline() != at {
        alarm.as_mut().reset(at);
    }
    alarm.poll(context).is_ready()
}

async fn accept<L: Listener>(listener: &mut Option<L>) -> io::Result<(L::Io, L::Addr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

impl Server {
    fn ended(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended
            && let Ok(payload) = error.try_into_panic()
        {
            self.report_panic(panic_message(&*payload));
        }
    }
}

/// The tasks of connections. Dropped with some left, they are cut.
struct Connections(JoinSet<()>, Arc<Server>);

impl Drop for Connections {
    fn drop(&mut self) {
        self.1.enter(Phase::Aborting);
    }
}

/// The tasks of HTTP/2 streams, which end when the server is cut, too.
#[derive(Clone)]
struct StreamExecutor(Arc<Server>);

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let mut phase = self.0.phase.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stream => {}
                _ = phase.wait_for(|phase| *phase == Phase::Aborting) => {}
            }
        });
    }
}
