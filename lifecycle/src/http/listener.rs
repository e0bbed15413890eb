//! [`Listener`]: sockets that connections are accepted from, and how they are closed without losing one.

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

/// A socket that [`serve`](super::serve()) accepts connections from: tokio's `TcpListener` and `UnixListener`. Implement it
/// for what wraps them (TLS).
pub trait Listener: Send + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Who is at its other end; handlers get it as axum's `ConnectInfo<Addr>`.
    type Addr: Clone + Send + Sync + 'static;

    /// Waits for the next connection.
    ///
    /// # Cancel safety
    ///
    /// Must be cancel safe: dropping the future loses no connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, Self::Addr)>> + Send;

    /// Sees to it, where possible, that no further connection is begun. Returns whether none can get into the backlog any more:
    /// then what [is in it](Listener::waiting) is taken and the socket dropped. Otherwise, where others came of late, it is
    /// accepted from for a moment longer.
    fn refuse(&self) -> bool {
        false
    }

    /// The next connection of those that wait in the backlog, asked of the kernel without waiting; `None` when there is none.
    fn waiting(&self) -> Option<io::Result<(Self::Io, Self::Addr)>> {
        None
    }

    /// Whether this process was started with the socket, so that others may be accepting from it.
    fn is_inherited(&self) -> bool {
        false
    }

    /// Whether something has come that was not read, asked of the kernel without waiting. An error, or the end, counts.
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

    fn refuse(&self) -> bool {
        #[cfg(target_os = "linux")]
        if inherited::is_ours(self.as_fd()) {
            // Where it cannot be had, what connects in the last instant is lost, as it is everywhere else.
            let _ = SockRef::from(self).attach_filter(&filter::no_new_connections());
        }
        // Handshakes that have begun go on.
        false
    }

    fn waiting(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        let stream = waiting(self)?.and_then(|fd| TcpStream::from_std(fd.into()));
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

    fn refuse(&self) -> bool {
        // What waits stays there; `connect` fails from here on.
        let shut = SockRef::from(self).shutdown(std::net::Shutdown::Read);
        shut.is_ok()
    }

    fn waiting(&self) -> Option<io::Result<(UnixStream, Arc<unix::SocketAddr>)>> {
        let stream = waiting(self)?.and_then(|fd| UnixStream::from_std(fd.into()));
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

/// Tokens of a stream are sent as they come, not when the last ones were acknowledged.
fn no_delay(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
}

/// Accepts from the kernel itself: the runtime may not know yet.
fn waiting(listener: &impl AsFd) -> Option<io::Result<OwnedFd>> {
    match SockRef::from(listener).accept() {
        Ok((socket, _)) => Some(socket.set_nonblocking(true).map(|()| Socket::into(socket))),
        Err(error) if is_of_the_peer(&error) => waiting(listener),
        Err(_) => None,
    }
}

fn has_unread(stream: &impl AsFd) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    let peeked = SockRef::from(stream).peek(&mut byte);
    !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// The connection was gone before it was accepted.
pub(super) fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};

    matches!(
        error.kind(),
        ConnectionRefused | ConnectionAborted | ConnectionReset | Interrupted
    )
}

/// Trying again is of no use.
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

    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;

    /// Drops what opens a connection, and lets pass what belongs to one. A filter on a TCP socket sees packets from the TCP
    /// header on (the kernel's `tcp_filter`). Connections that were accepted before do not have it; those that are
    /// accepted now inherit it, to no effect: no more such packets come on them.
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
