//! [`WatchedIo`]: a connection's socket, which reports the bytes through it and ends idle reads when the app drains.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};

use super::connection::Connection;
use super::phase::Phase;
use super::timing::LINGER;

type AbortDue = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) struct WatchedIo<I> {
    inner: I,
    /// Whether the socket holds data that has not been read: [`Listener::has_unread`](super::Listener::has_unread).
    has_unread: fn(&I) -> bool,
    connection: Arc<Connection>,
    /// The server waits while a clone of this sender exists.
    _open: mpsc::Sender<()>,
    /// For an upgraded connection: completes when the server aborts. One for the reading half and one for the writing
    /// half, which may be polled by different tasks. Without them the abort could not reach the user's tasks.
    abort_due: [Option<AbortDue>; 2],
    /// Present once the socket is closed for writing: the time after which the rest of the request is no longer
    /// awaited.
    lingering: Option<Pin<Box<Sleep>>>,
}

const READ: usize = 0;
const WRITE: usize = 1;

impl<I> WatchedIo<I> {
    pub(super) fn new(
        inner: I,
        has_unread: fn(&I) -> bool,
        connection: Arc<Connection>,
        open: mpsc::Sender<()>,
    ) -> Self {
        Self {
            inner,
            has_unread,
            connection,
            _open: open,
            abort_due: [None, None],
            lingering: None,
        }
    }

    /// Returns an error if the connection was upgraded and the server aborts.
    fn poll_abort(&mut self, side: usize, context: &mut Context<'_>) -> io::Result<()> {
        if !self.connection.is_upgraded() {
            return Ok(());
        }
        let abort_due = self.abort_due[side].get_or_insert_with(|| {
            let mut phase = self.connection.server.phase.subscribe();
            Box::pin(async move {
                // An error means that the server has been dropped, which aborts as well.
                let _ = phase.wait_for(|phase| *phase == Phase::Aborting).await;
            })
        });
        match abort_due.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => {
                // A completed future must not be polled again: the next call makes a new one.
                self.abort_due[side] = None;
                Err(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "the app stops, and the time to drain is over",
                ))
            }
        }
    }

    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        if matches!(result, Poll::Ready(Ok(1..))) {
            self.connection.wrote();
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for WatchedIo<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_abort(READ, context)?;
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        match &result {
            Poll::Ready(Ok(())) => self.connection.read(&buffer.filled()[before..]),
            // tokio may not have seen yet that the socket is readable, so the kernel is asked. If data has arrived, its
            // readiness event wakes this task.
            Poll::Pending if self.connection.reads_end() && !(self.has_unread)(&self.inner) => {
                return Poll::Ready(Ok(()));
            }
            _ => {}
        }
        result
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WatchedIo<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_abort(WRITE, context)?;
        let result = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_abort(WRITE, context)?;
        let result = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(context);
        if result.is_ready() {
            self.connection.flushed();
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.inner).poll_shutdown(context))?;
            if !this.connection.lingers() {
                return Poll::Ready(Ok(()));
            }
        }
        // The rest of the request is discarded: the kernel resets a connection that is closed with data unread, and the
        // client might never see its response (RFC 9112, 9.6).
        let lingering = this
            .lingering
            .get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut part = [0; 4096];
        loop {
            let mut part = ReadBuf::new(&mut part);
            match Pin::new(&mut this.inner).poll_read(context, &mut part) {
                Poll::Ready(Ok(())) if !part.filled().is_empty() => {
                    lingering.as_mut().reset(Instant::now() + LINGER);
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return lingering.as_mut().poll(context).map(Ok),
            }
        }
    }
}

impl<I> Drop for WatchedIo<I> {
    fn drop(&mut self) {
        self.connection.closed();
    }
}

impl<I> fmt::Debug for WatchedIo<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchedIo")
    }
}
