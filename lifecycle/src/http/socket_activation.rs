//! Sockets that a service manager passes to the process, by the protocol of [`sd_listen_fds(3)`].
//!
//! [`sd_listen_fds(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use socket2::{Domain, SockRef};
use tokio::net::{TcpListener, UnixListener};

use crate::sys::inherited;

/// Returns a TCP listener for the address: an inherited one, or else a new one.
///
/// A socket that systemd handed over for exactly this address is used if there is one, as is that of any other service
/// manager with the same protocol (`LISTEN_FDS`). Port 0 always makes a new socket.
///
/// With a socket unit (`ListenStream=8080`), connections are not refused while the program restarts: systemd keeps the
/// socket open, and they wait in its backlog. [`serve`](super::serve()) does not shut an inherited socket.
///
/// Call this in the `start` of a resource, so that a port in use fails the startup. Sockets are inherited only in
/// programs with [`#[lifecycle::main]`](macro@crate::main), which removes the variables from the environment before
/// anything else, so that child processes do not see them. Elsewhere every call makes a new socket.
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
/// Fails if the address cannot be bound; the message names the address.
///
/// # Panics
///
/// Panics outside a tokio runtime with I/O enabled.
///
/// # Cancel safety
///
/// Cancel safe: a new socket is closed, and an inherited one stays available to the next call.
pub async fn bind(address: impl Into<SocketAddr>) -> io::Result<TcpListener> {
    let address = address.into();
    let matches = |socket: &OwnedFd| {
        let local = SockRef::from(socket).local_addr();
        local.is_ok_and(|local| local.as_socket() == Some(address))
    };
    if let Some(socket) = inherited::take(|_, socket| address.port() != 0 && matches(socket)) {
        return tcp(socket);
    }
    TcpListener::bind(address).await.map_err(|error| {
        let message =
            format!("cannot listen on {address}: {error}; is another process listening there?");
        io::Error::new(error.kind(), message)
    })
}

/// Takes the inherited TCP listener of that name.
///
/// The name is the socket unit's `FileDescriptorName=`, by default the name of the unit, such as `web.socket`. Of
/// several listeners with one name, each call takes the next. Returns `None` if there is none, or if it has been taken.
///
/// ```
/// # async fn start() -> std::io::Result<()> {
/// use lifecycle::http;
///
/// let listener = match http::tcp_by_name("web")? {
///     Some(inherited) => inherited,
///     None => http::bind(([127, 0, 0, 1], 0)).await?,
/// };
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Fails if the runtime cannot register the socket; the socket is closed then.
///
/// # Panics
///
/// Panics outside a tokio runtime with I/O enabled, if there is such a listener.
pub fn tcp_by_name(name: &str) -> io::Result<Option<TcpListener>> {
    let is_tcp = |domain| domain == Domain::IPV4 || domain == Domain::IPV6;
    take_by_name(name, is_tcp).map(tcp).transpose()
}

/// Takes the inherited Unix listener of that name.
///
/// As [`tcp_by_name`], for a socket unit whose `ListenStream=` is a path.
///
/// ```
/// # async fn start() -> std::io::Result<()> {
/// use tokio::net::UnixListener;
///
/// let listener = match lifecycle::http::unix_by_name("admin")? {
///     Some(inherited) => inherited,
///     None => UnixListener::bind("/run/app/admin.sock")?,
/// };
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Fails if the runtime cannot register the socket; the socket is closed then.
///
/// # Panics
///
/// Panics outside a tokio runtime with I/O enabled, if there is such a listener.
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
    let matches = |socket: &OwnedFd| {
        SockRef::from(&socket.as_fd())
            .domain()
            .is_ok_and(&is_wanted)
    };
    inherited::take(|known, socket| known == name && matches(socket))
}

fn tcp(socket: OwnedFd) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
