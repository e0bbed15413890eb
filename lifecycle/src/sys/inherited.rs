//! Listening sockets that the process was started with.

#![allow(
    unsafe_code,
    reason = "a descriptor that is only known by its number; see below"
)]

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, OnceLock, PoisonError};

use socket2::SockRef;

/// The number of the first one: `SD_LISTEN_FDS_START`.
const FIRST: RawFd = 3;

struct Inherited {
    /// Those meant for us, with their names, until they are taken.
    handed_over: Mutex<Vec<(String, OwnedFd)>>,
    /// Of every listening socket. An identity: numbers of descriptors are used again.
    cookies: HashSet<u64>,
}

/// None without `main`: then nothing is known.
static INHERITED: OnceLock<Inherited> = OnceLock::new();

/// Looks at what there is, and takes the variables that speak of it out of the environment. To be called while the process
/// has one thread.
pub(crate) fn capture() {
    let [pid, count, names] =
        ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"].map(super::environment::take);
    let is_ours = number(pid) == Some(std::process::id());
    let count = number(count).filter(|_| is_ours).unwrap_or(0);
    let names = names.map(|names| names.to_string_lossy().into_owned());
    let mut names = names.as_deref().unwrap_or_default().split(':');
    let mut handed_over = Vec::new();
    let mut cookies = HashSet::new();
    for fd in open() {
        // SAFETY: it is open, as was just read, and the process has one thread, which closes nothing meanwhile.
        let socket = unsafe { BorrowedFd::borrow_raw(fd) };
        if is_listener(socket) {
            cookies.extend(cookie(socket));
        }
    }
    for fd in (FIRST..).take(usize::try_from(count).unwrap_or(0)) {
        let name = names.next().filter(|name| !name.is_empty());
        let name = name.unwrap_or("unknown").to_owned();
        // SAFETY: only used in this line, while the process has one thread; whether it is open is what is asked.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
            break;
        }
        // SAFETY: it is open. `LISTEN_PID` says that it was handed to this process, which is in the first line of its
        // `main`, so that nobody else in it owns the descriptor; nor will anybody take it, since the variables are gone.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let usable = SockRef::from(&socket).set_cloexec(true).is_ok();
        if usable && is_listener(socket.as_fd()) {
            handed_over.push((name, socket));
        } else {
            // Not a socket that listens: left open for whoever knows what it is.
            std::mem::forget(socket);
        }
    }
    let handed_over = Mutex::new(handed_over);
    let _ = INHERITED.set(Inherited {
        handed_over,
        cookies,
    });
}

/// The first socket that was handed over and is as wanted; it can be taken once.
pub(crate) fn take(is_wanted: impl Fn(&str, &OwnedFd) -> bool) -> Option<OwnedFd> {
    let handed_over = &INHERITED.get()?.handed_over;
    let mut handed_over = handed_over.lock().unwrap_or_else(PoisonError::into_inner);
    let found = handed_over
        .iter()
        .position(|(name, socket)| is_wanted(name, socket))?;
    Some(handed_over.remove(found).1)
}

/// Whether the process was started with it.
pub(crate) fn is_inherited(socket: BorrowedFd<'_>) -> bool {
    let known =
        |inherited: &Inherited| cookie(socket).is_some_and(|it| inherited.cookies.contains(&it));
    INHERITED.get().is_some_and(known)
}

/// Whether it is known that the process was not started with it.
#[cfg(target_os = "linux")]
pub(crate) fn is_ours(socket: BorrowedFd<'_>) -> bool {
    let unknown =
        |inherited: &Inherited| cookie(socket).is_some_and(|it| !inherited.cookies.contains(&it));
    INHERITED.get().is_some_and(unknown)
}

fn number(value: Option<OsString>) -> Option<u32> {
    value?.to_str()?.parse().ok()
}

/// The numbers of the descriptors that are open, and of the one that they are read by.
fn open() -> Vec<RawFd> {
    let entries = std::fs::read_dir("/dev/fd").into_iter().flatten();
    let mut numbers: Vec<RawFd> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    // SAFETY: only used in this line, while the process has one thread; whether it is open is what is asked.
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

/// Elsewhere the identity is the number that it has.
#[cfg(not(target_os = "linux"))]
fn cookie(socket: BorrowedFd<'_>) -> Option<u64> {
    use std::os::fd::AsRawFd as _;

    u64::try_from(socket.as_raw_fd()).ok()
}
