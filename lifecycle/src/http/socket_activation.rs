//! Sockets that a service manager made and handed over: what [`sd_listen_fds(3)`] describes.
//!
//! [`sd_listen_fds(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use socket2::{Domain, SockRef};
use tokio::net::{TcpListener, UnixListener};

use crate::sys::inherited;

/// A TCP listener for the address: the one that systemd (or another that speaks its protocol, `LISTEN_FDS`) handed over for
/// it, or else a new one. A port of 0 is always a new one.
///
/// With a socket unit (`ListenStream=8080`) nobody is refused while the program restarts: the socket is systemd's, and
/// connections wait in it. [`serve`](super::serve()) leaves it as it is at the end.
///
/// Bind in the `start` of a resource, so that a port in use fails the startup. Sockets are handed over to programs with
/// [`#[lifecycle::main]`](macro@crate::main), which takes them out of the environment at its beginning: a child does not see them.
///
/// ```
/// # async fn start() -> std::io::Result<()> {
/// let listener = lifecycle::http::bind(([127, 0, 0, 1], 0)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Where the address cannot be bound, naming it.
///
/// # Cancel safety
///
/// Cancel safe: a socket that was made is closed, one that was handed over is there for the next call.
pub async fn bind(address: impl Into<SocketAddr>) -> io::Result<TcpListener> {
    let address = address.into();
    let is_it = |socket: &OwnedFd| {
        let local = SockRef::from(socket).local_addr();
        local.is_ok_and(|local| local.as_socket() == Some(address))
    };
    if let Some(socket) = inherited::take(|_, socket| address.port() != 0 && is_it(socket)) {
        return tcp(socket);
    }
    TcpListener::bind(address).await.map_err(|error| {
        let message =
            format!("cannot listen on {address}: {error}; is another process listening there?");
        io::Error::new(error.kind(), message)
    })
}

/// The TCP listener that systemd handed over under this name (`FileDescriptorName=`, by default that of the socket unit).
/// `None` where there is none, or it was taken before.
///
/// # Errors
///
/// Where the runtime cannot use it.
pub fn tcp_by_name(name: &str) -> io::Result<Option<TcpListener>> {
    let is_tcp = |domain| domain == Domain::IPV4 || domain == Domain::IPV6;
    take_by_name(name, is_tcp).map(tcp).transpose()
}

/// The Unix listener that systemd handed over under this name: [`tcp_by_name`].
///
/// # Errors
///
/// Where the runtime cannot use it.
pub fn unix_by_name(name: &str) -> io::Result<Option<UnixListener>> {
    let socket = take_by_name(name, |domain| domain == Domain::UNIX);
    let unix = |socket: OwnedFd| {
        let listener = std::os::unix::net::UnixListener::from(socket);
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    };
    socket.map(unix).transpose()
}

fn take_by_name(name: &str, is_wanted: impl Fn(Domain) -> bool) -> Option<OwnedFd> {
    let is_it = |socket: &OwnedFd| {
        SockRef::from(&socket.as_fd())
            .domain()
            .is_ok_and(&is_wanted)
    };
    inherited::take(|known, socket| known == name && is_it(socket))
}

fn tcp(socket: OwnedFd) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
