//! [`AcceptLoop`]: accepts connections until the scope is asked to stop, then drains them.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tower_service::Service;

use super::admitting_service::AdmittingService;
use super::connection::Connection;
use super::connection_task::{StreamExecutor, drive};
use super::listener::{Listener, is_of_the_listener, is_of_the_peer};
use super::phase::Phase;
use super::server::Server;
use super::timing::{ABORT_GRACE, RETRY, SETTLE, abort_margin};
use super::watched_io::WatchedIo;
use crate::api::shutdown::Shutdown;
use crate::error::BoxError;
use crate::error::panic::{drop_payload, panic_message};

pub(super) struct AcceptLoop<L, S> {
    /// `None` once the port is closed.
    listener: Option<L>,
    /// Other processes accept from the same socket.
    shared: bool,
    service: S,
    http: Arc<Builder<StreamExecutor>>,
    header_timeout: Duration,
    connections: Connections,
    server: Arc<Server>,
    accepted_at: Option<Instant>,
    /// Each socket holds a clone of this sender. The set of tasks does not show that all sockets are closed: an
    /// upgraded one has been moved out of its connection's task. `None` once no further socket can be accepted.
    open: Option<mpsc::Sender<()>>,
    /// Yields `None` when `open` and all of its clones have been dropped.
    all_closed: mpsc::Receiver<()>,
}

impl<L, S, B> AcceptLoop<L, S>
where
    L: Listener,
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    pub(super) fn new(
        listener: L,
        shared: bool,
        service: S,
        shutdown: Shutdown,
        header_timeout: Duration,
    ) -> Self {
        let server = Server::new(shutdown);
        let (open, all_closed) = mpsc::channel(1);
        let mut http = Builder::new(StreamExecutor::new(&server));
        // WebSockets over HTTP/2 (RFC 8441).
        http.http2().enable_connect_protocol();
        Self {
            shared: shared || listener.is_inherited(),
            listener: Some(listener),
            service,
            http: Arc::new(http),
            header_timeout,
            connections: Connections {
                tasks: JoinSet::new(),
                server: Arc::clone(&server),
            },
            server,
            accepted_at: None,
            open: Some(open),
            all_closed,
        }
    }

    pub(super) async fn run(mut self) -> io::Result<()> {
        let shutdown = self.server.shutdown.clone();
        let stop_requested = shutdown.requested();
        let lame_duck = self.server.lame_duck();
        self.serve_until(stop_requested, lame_duck).await?;
        let margin = abort_margin(shutdown.remaining().unwrap_or_default());
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
                // The stop first: a busy listener must not delay it.
                biased;
                () = &mut stop_requested => return Ok(()),
                () = &mut lame_duck, if serving => self.server.enter(Phase::LameDuck),
                Some(ended) = self.connections.tasks.join_next() => {
                    // Its descriptor is free now, so that `accept` may succeed before `RETRY` has passed.
                    waits = false;
                    self.server.connection_ended(ended);
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

    /// Accepts the connections that are already in the backlog or being made, closes the port, and waits until all
    /// connections have ended.
    async fn drain(&mut self) {
        let mut close = pin!(sleep_until(self.stop_listening()));
        let connections = self.connections.tasks.len();
        tracing::debug!(target: "lifecycle", connections, "the server drains");
        loop {
            let listens = self.listener.is_some();
            let holds = self.open.is_some();
            tokio::select! {
                biased;
                ended = self.connections.tasks.join_next(), if !self.connections.tasks.is_empty() => {
                    ended.into_iter().for_each(|ended| self.server.connection_ended(ended));
                }
                () = &mut close, if listens => {
                    // Once more: a handshake may have completed since the backlog was emptied.
                    self.take_backlog();
                    self.listener = None;
                    let connections = self.connections.tasks.len();
                    tracing::debug!(target: "lifecycle", connections, "the port is closed");
                }
                accepted = accept(&mut self.listener), if listens => match accepted {
                    Ok((io, peer)) => self.accepted(io, peer),
                    Err(error) if is_of_the_peer(&error) => {}
                    Err(_) => self.listener = None,
                },
                // Without a listener no socket follows. Dropping the server's own sender lets `all_closed` complete.
                () = std::future::ready(()), if !listens && holds => self.open = None,
                _ = self.all_closed.recv(), if !holds => break,
            }
        }
        // A task drops its socket shortly before it ends.
        while let Some(ended) = self.connections.tasks.join_next().await {
            self.server.connection_ended(ended);
        }
    }

    /// Keeps new connections out of the backlog, where the listener can, accepts those that are in it, and closes the
    /// port.
    ///
    /// The port stays open until the returned instant where a connection may still be in the making: the listener
    /// cannot shut the backlog, and connections arrived recently.
    fn stop_listening(&mut self) -> Instant {
        let now = Instant::now();
        let mut refuses = true;
        // The backlog of a shared socket belongs to the other processes, too.
        if !self.shared {
            refuses = self.listener.as_ref().is_none_or(L::refuse_new);
            self.take_backlog();
        }
        if refuses || self.accepted_at.is_none_or(|at| at + SETTLE <= now) {
            self.listener = None;
        }
        now + SETTLE
    }

    fn take_backlog(&mut self) {
        while let Some(Ok((io, peer))) = self.listener.as_ref().and_then(L::try_accept) {
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
        self.connections.tasks.spawn(async move {
            let http = pin!(http.serve_connection_with_upgrades(TokioIo::new(io), service));
            drive(
                &connection,
                header_timeout,
                http,
                |http, context, go_away| {
                    if go_away {
                        http.as_mut().graceful_shutdown();
                    }
                    // Errors are the client's: it disconnected, or does not speak HTTP.
                    http.as_mut().poll(context).map(drop)
                },
            )
            .await;
        });
    }

    /// Drops what is still in flight.
    async fn abort(&mut self) {
        self.listener = None;
        self.open = None;
        // Before the tasks are aborted: what a connection drops from here on counts as aborted.
        self.server.enter(Phase::Aborting);
        self.connections.tasks.abort_all();
        // Upgraded connections belong to the user's tasks; their next read or write fails.
        let all = async {
            while self.connections.tasks.join_next().await.is_some() {}
            self.all_closed.recv().await
        };
        let _ = tokio::time::timeout(ABORT_GRACE, all).await;
        let (scope, requests) = (&self.server.shutdown.scope.name, self.server.aborted());
        if requests > 0 {
            tracing::warn!(target: "lifecycle", %scope, requests, "the time to drain is over: requests were aborted");
        }
    }
}

async fn accept<L: Listener>(listener: &mut Option<L>) -> io::Result<(L::Io, L::Addr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

impl Server {
    fn connection_ended(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended
            && let Ok(payload) = error.try_into_panic()
        {
            self.report_panic(panic_message(&*payload));
            // Its destructor may panic, too, which must not end the server.
            drop_payload(payload);
        }
    }
}

/// The tasks of connections. Where the server's future is dropped while some run, their requests count as aborted.
struct Connections {
    tasks: JoinSet<()>,
    server: Arc<Server>,
}

impl Drop for Connections {
    /// Runs before the fields are dropped, and so before `tasks` aborts anything.
    fn drop(&mut self) {
        self.server.enter(Phase::Aborting);
    }
}
