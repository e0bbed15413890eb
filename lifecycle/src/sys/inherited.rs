//! Listening sockets that the process inherited: those of [`sd_listen_fds(3)`], and any others.
//!
//! [`sd_listen_fds(3)`]: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html

#![allow(
    unsafe_code,
    reason = "inherited descriptors are known only by their numbers; see below"
)]

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, OnceLock, PoisonError};

use socket2::SockRef;

/// The number of the first descriptor that is passed: `SD_LISTEN_FDS_START`.
const FIRST: RawFd = 3;

struct Inherited {
    /// The sockets that were passed to this process, with their names, until they are taken.
    passed: Mutex<Vec<(String, OwnedFd)>>,
    /// The cookies of all inherited listening sockets. A cookie identifies a socket; the number of a descriptor is
    /// reused.
    cookies: HashSet<u64>,
}

/// Empty in programs without `#[lifecycle::main]`: nothing is known there.
static INHERITED: OnceLock<Inherited> = OnceLock::new();

/// Records the inherited sockets, and removes the variables that describe them from the environment. Must be called
/// while the process has one thread, at most once.
pub(crate) fn capture() {
    let [pid, count, names] =
        ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"].map(super::environment::take);
    let is_ours = number(pid) == Some(std::process::id());
    let count = number(count).filter(|_| is_ours).unwrap_or(0);
    let names = names.map(|names| names.to_string_lossy().into_owned());
    let mut names = names.as_deref().unwrap_or_default().split(':');
    let mut passed = Vec::new();
    let mut cookies = HashSet::new();
    for fd in open_descriptors() {
        // SAFETY: `open_descriptors` has just found the descriptor open, and the only thread of the process does not
        // close it during the borrow.
        let socket = unsafe { BorrowedFd::borrow_raw(fd) };
        if is_listener(socket) {
            cookies.extend(cookie(socket));
        }
    }
    for fd in (FIRST..).take(usize::try_from(count).unwrap_or(0)) {
        let name = names.next().filter(|name| !name.is_empty());
        let name = name.unwrap_or("unknown").to_owned();
        // SAFETY: `F_GETFD` takes no pointer, and fails with `EBADF` if the descriptor is not open.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
            break;
        }
        // SAFETY: the descriptor is open. `LISTEN_PID` says that it was passed to this process, which is in the first
        // lines of its `main`, so that no other value owns it. No other code will claim it, since the variables are
        // gone.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let usable = SockRef::from(&socket).set_cloexec(true).is_ok();
        if usable && is_listener(socket.as_fd()) {
            passed.push((name, socket));
        } else {
            // Not a listening socket: it stays open for code that knows its number.
            std::mem::forget(socket);
        }
    }
    let passed = Mutex::new(passed);
    let _ = INHERITED.set(Inherited { passed, cookies });
}

/// Takes the first socket that was passed to this process and is wanted.
pub(crate) fn take(is_wanted: impl Fn(&str, &OwnedFd) -> bool) -> Option<OwnedFd> {
    let passed = &INHERITED.get()?.passed;
    let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
    let found = passed
        .iter()
        .position(|(name, socket)| is_wanted(name, socket))?;
    Some(passed.remove(found).1)
}

/// Whether the process is known to have inherited the socket.
pub(crate) fn is_inherited(socket: BorrowedFd<'_>) -> bool {
    let is_known = |inherited: &Inherited| {
        cookie(socket).is_some_and(|cookie| inherited.cookies.contains(&cookie))
    };
    INHERITED.get().is_some_and(is_known)
}

/// Whether the process is known to have made the socket itself. Both this and [`is_inherited`] are false where nothing
/// is known.
#[cfg(target_os = "linux")]
pub(crate) fn is_ours(socket: BorrowedFd<'_>) -> bool {
    let is_unknown = |inherited: &Inherited| {
        cookie(socket).is_some_and(|cookie| !inherited.cookies.contains(&cookie))
    };
    INHERITED.get().is_some_and(is_unknown)
}

fn number(value: Option<OsString>) -> Option<u32> {
    value?.to_str()?.parse().ok()
}

/// The numbers of the open descriptors.
fn open_descriptors() -> Vec<RawFd> {
    let entries = std::fs::read_dir("/dev/fd").into_iter().flatten();
    let mut numbers: Vec<RawFd> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    // The descriptor of the directory itself was among them, and is closed by now.
    // SAFETY: `F_GETFD` takes no pointer, and fails with `EBADF` if the descriptor is not open.
    numbers.retain(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0);
    numbers
}

fn is_listener(socket: BorrowedFd<'_>) -> bool {
    SockRef::from(&socket).is_listener().unwrap_or(false)
}

#[cfg(target_os = "linux")]
fn cookie(socket: BorrowedFd<'_>) -> Option<u64> {
    SockRef::from(&socket).cookie().ok()
}

/// Other systems have no cookies: the number of the descriptor stands in, although a later socket may get it.
#[cfg(not(target_os = "linux"))]
fn cookie(socket: BorrowedFd<'_>) -> Option<u64> {
    use std::os::fd::AsRawFd as _;

    u64::try_from(socket.as_raw_fd()).ok()
}
