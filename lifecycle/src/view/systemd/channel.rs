//! The socket of `NOTIFY_SOCKET`.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use sd_notify::NotifyState;

/// The service manager's end, and ours.
pub(super) struct Channel {
    socket: UnixDatagram,
    manager: SocketAddr,
}

impl Channel {
    /// Takes `NOTIFY_SOCKET` out of the environment. The socket is made now, while there is a descriptor to be had.
    pub(super) fn capture() -> Option<Self> {
        let path = crate::sys::environment::take("NOTIFY_SOCKET")?;
        let manager = address(&path)?;
        let socket = UnixDatagram::unbound().ok()?;
        Some(Self { socket, manager })
    }

    /// Sends them in one message. Blocks while the manager's queue is full; a manager that is gone is no error.
    pub(super) fn send(&self, states: &[NotifyState<'_>]) {
        let message: String = states.iter().map(|state| format!("{state}\n")).collect();
        let _ = self.socket.send_to_addr(message.as_bytes(), &self.manager);
    }
}

/// A path, or with `@` a name in Linux' abstract namespace.
fn address(path: &OsStr) -> Option<SocketAddr> {
    match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name).ok(),
        None => SocketAddr::from_pathname(path).ok(),
    }
}
