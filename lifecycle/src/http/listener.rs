//! [`Listener`]: sockets that accept connections, and how they close without losing one.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream, unix};

use crate::sys::inherited;

/// A socket from which [`serve`](super::serve()) accepts connections.
///
/// tokio's [`TcpListener`] and [`UnixListener`] implement it. Implement it for a wrapper, for example one that adds
/// TLS, and delegate the provided methods to the inner listener: without them, connections that are in the backlog when
/// the port closes are reset.
///
/// ```
/// use std::io;
/// use std::net::SocketAddr;
///
/// use lifecycle::http::Listener;
/// use tokio::net::{TcpListener, TcpStream};
///
/// /// Accepts connections of peers on this host only.
/// struct LocalListener(TcpListener);
///
/// impl Listener for LocalListener {
///     type Io = TcpStream;
///     type Addr = SocketAddr;
///
///     async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
///         loop {
///             let (stream, peer) = Listener::accept(&mut self.0).await?;
///             if peer.ip().is_loopback() {
///                 return Ok((stream, peer));
///             }
///         }
///     }
///
///     fn refuse_new(&self) -> bool {
///         self.0.refuse_new()
///     }
///
///     fn try_accept(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
///         loop {
///             match self.0.try_accept()? {
///                 Ok((_, peer)) if !peer.ip().is_loopback() => {}
///                 accepted => return Some(accepted),
///             }
///         }
///     }
///
///     fn is_inherited(&self) -> bool {
///         self.0.is_inherited()
///     }
///
///     fn has_unread(io: &TcpStream) -> bool {
///         <TcpListener as Listener>::has_unread(io)
///     }
/// }
/// ```
pub trait Listener: Send + 'static {
    /// The stream of a connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The address of the peer, which handlers get as axum's `ConnectInfo<Addr>`.
    type Addr: Clone + Send + Sync + 'static;

    /// Waits for the next connection.
    ///
    /// # Errors
    ///
    /// [`serve`](super::serve()) ends at an error of the listener itself (`EBADF`, `EINVAL`, `ENOTSOCK`, `EOPNOTSUPP`,
    /// `EFAULT`), ignores an error of the peer (aborted, reset, refused or interrupted), and tries again after any
    /// other.
    ///
    /// # Cancel safety
    ///
    /// An implementation must be cancel safe: dropping the future must not lose a connection. A handshake, such as that
    /// of TLS, therefore belongs into the returned stream.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, Self::Addr)>> + Send;

    /// Keeps new connections from being made, as far as the socket supports that.
    ///
    /// Called once, when the scope is asked to stop. Returns whether no further connection can enter the backlog: then
    /// the server [accepts](Listener::try_accept) those in it and drops the listener. If `false`, and connections
    /// arrived within the last 50 ms, the server goes on accepting for as long. The default does nothing and returns
    /// `false`.
    fn refuse_new(&self) -> bool {
        false
    }

    /// Accepts the next connection in the backlog, without waiting; `None` if there is none.
    ///
    /// The default returns `None`.
    fn try_accept(&self) -> Option<io::Result<(Self::Io, Self::Addr)>> {
        None
    }

    /// Returns whether this process inherited the socket, so that other processes may be accepting from it.
    ///
    /// The default returns `false`. See [`Serve::shared`](super::Serve::shared).
    fn is_inherited(&self) -> bool {
        false
    }

    /// Returns whether the stream holds data that has not been read, without waiting.
    ///
    /// Asks the kernel, for example with `MSG_PEEK`, and not the runtime, which learns of data only later. An error and
    /// the end of the stream count as data. The server closes an idle connection only if this is `false`.
    fn has_unread(io: &Self::Io) -> bool;
}

impl Listener for TcpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = Self::accept(self).await?;
        no_delay(&stream);
        Ok((stream, peer))
    }

    fn refuse_new(&self) -> bool {
        #[cfg(target_os = "linux")]
        if inherited::is_ours(self.as_fd()) {
            // Without the filter, connections that complete while the port closes are reset, as by any other server.
            let _ = SockRef::from(self).attach_filter(&filter::no_new_connections());
        }
        // Handshakes that have begun continue, and enter the backlog when they complete.
        false
    }

    fn try_accept(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        let stream = accept_from_backlog(self)?.and_then(|fd| TcpStream::from_std(fd.into()));
        Some(stream.and_then(|stream| {
            no_delay(&stream);
            let peer = stream.peer_addr()?;
            Ok((stream, peer))
        }))
    }

    fn is_inherited(&self) -> bool {
        inherited::is_inherited(self.as_fd())
    }

    fn has_unread(io: &TcpStream) -> bool {
        has_unread(io)
    }
}

impl Listener for UnixListener {
    type Io = UnixStream;
    type Addr = Arc<unix::SocketAddr>;

    async fn accept(&mut self) -> io::Result<(UnixStream, Arc<unix::SocketAddr>)> {
        let (stream, peer) = Self::accept(self).await?;
        Ok((stream, Arc::new(peer)))
    }

    fn refuse_new(&self) -> bool {
        // The backlog is kept; `connect` fails from here on.
        let shut = SockRef::from(self).shutdown(std::net::Shutdown::Read);
        shut.is_ok()
    }

    fn try_accept(&self) -> Option<io::Result<(UnixStream, Arc<unix::SocketAddr>)>> {
        let stream = accept_from_backlog(self)?.and_then(|fd| UnixStream::from_std(fd.into()));
        Some(stream.and_then(|stream| {
            let peer = stream.peer_addr()?;
            Ok((stream, Arc::new(peer)))
        }))
    }

    fn is_inherited(&self) -> bool {
        inherited::is_inherited(self.as_fd())
    }

    fn has_unread(io: &UnixStream) -> bool {
        has_unread(io)
    }
}

/// Disables Nagle's algorithm: the parts of a streamed response are sent at once, not when earlier ones are
/// acknowledged.
fn no_delay(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
}

/// Accepts from the kernel: tokio may not have seen yet that the socket is readable.
fn accept_from_backlog(listener: &impl AsFd) -> Option<io::Result<OwnedFd>> {
    match SockRef::from(listener).accept() {
        Ok((socket, _)) => Some(socket.set_nonblocking(true).map(|()| Socket::into(socket))),
        Err(error) if is_of_the_peer(&error) => accept_from_backlog(listener),
        Err(_) => None,
    }
}

fn has_unread(stream: &impl AsFd) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    let peeked = SockRef::from(stream).peek(&mut byte);
    !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Whether the connection failed before it was accepted.
pub(super) fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};

    matches!(
        error.kind(),
        ConnectionRefused | ConnectionAborted | ConnectionReset | Interrupted
    )
}

/// Whether every further `accept` would fail, too.
pub(super) fn is_of_the_listener(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP | libc::EFAULT)
    )
}

#[cfg(target_os = "linux")]
mod filter {
    use libc::{BPF_ABS, BPF_ALU, BPF_AND, BPF_B, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET};
    use socket2::SockFilter;

    /// The offset of the flags in a TCP header (RFC 9293, 3.1).
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;

    /// A classic BPF program that drops packets that open a connection (SYN without ACK) and passes all others. A
    /// filter on a TCP socket sees packets from the TCP header on (`tcp_filter` in the kernel). Connections that were
    /// accepted earlier do not have it. Those that are accepted later inherit it, without effect: such packets do not
    /// arrive on them.
    pub(super) fn no_new_connections() -> [SockFilter; 5] {
        [
            SockFilter::new(code(BPF_LD | BPF_B | BPF_ABS), 0, 0, FLAGS),
            SockFilter::new(code(BPF_ALU | BPF_AND | BPF_K), 0, 0, SYN | ACK),
            SockFilter::new(code(BPF_JMP | BPF_JEQ | BPF_K), 0, 1, SYN),
            SockFilter::new(code(BPF_RET | BPF_K), 0, 0, 0),
            SockFilter::new(code(BPF_RET | BPF_K), 0, 0, u32::MAX),
        ]
    }

    fn code(code: u32) -> u16 {
        u16::try_from(code).unwrap_or_default()
    }
}
