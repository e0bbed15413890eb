//! systemd, where it started us: what [`sd_notify(3)`] describes, over a socket made before anything else.
//!
//! [`sd_notify(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::life::notice::{Notice, Observer};

/// How long after our own deadline systemd may give up on us: what the kernel's timers take, should they have to.
const MARGIN: Duration = Duration::from_secs(1);

/// The service manager's end.
pub(crate) struct Systemd {
    socket: UnixDatagram,
    manager: SocketAddr,
}

impl Systemd {
    /// Takes `NOTIFY_SOCKET` out of the environment, so that no child takes it for its own. Nothing where there is none,
    /// or where it cannot be used: to be watched is no condition for living.
    ///
    /// To be called while the process has one thread.
    pub(crate) fn capture() -> Option<Self> {
        let path = crate::sys::environment::take("NOTIFY_SOCKET")?;
        let manager = address(&path)?;
        let socket = UnixDatagram::unbound().ok()?;
        // The driver tells it: that must not wait.
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket, manager })
    }

    pub(crate) fn notice(&self, notice: &Notice) {
        match notice {
            Notice::Running { .. } => self.tell(&[NotifyState::Ready]),
            // `STOPPING=1` starts systemd's own clock: it must not be shorter than ours.
            Notice::Stopping { limit, .. } => self.tell(&[
                NotifyState::Stopping,
                NotifyState::ExtendTimeoutUsec(micros(*limit + MARGIN)),
            ]),
            _ => {}
        }
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        let message: String = states.iter().map(|state| format!("{state}\n")).collect();
        let _ = self.socket.send_to_addr(message.as_bytes(), &self.manager);
    }
}

/// The observer, and before it systemd where it watches: an output that blocks must not keep it in the dark.
pub(crate) fn beside(systemd: Option<Systemd>, mut observer: Observer) -> Observer {
    let Some(systemd) = systemd else {
        return observer;
    };
    Box::new(move |notice| {
        systemd.notice(&notice);
        observer(notice);
    })
}

/// A path, or with `@` a name in Linux' abstract namespace.
fn address(path: &OsStr) -> Option<SocketAddr> {
    match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name).ok(),
        None => SocketAddr::from_pathname(path).ok(),
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
