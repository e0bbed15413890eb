//! A client for probes over HTTP: a new connection for each request, with a short limit.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// The limit of a request, far beyond what a test expects.
const LIMIT: Duration = Duration::from_secs(10);

/// An address of the loopback interface that no other program listens on, for each program that a test starts. A free
/// port of a shared address could be taken by an outgoing connection meanwhile.
#[must_use]
pub fn own_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let last = NEXT.fetch_add(1, Ordering::Relaxed);
    (Ipv4Addr::new(127, high.max(1), low, last), 9000).into()
}

/// A port of 127.0.0.1 that is free, and stays free while its server is down: the kernel assigns ports from 32768 on
/// (`ip_local_port_range` in ip(7)).
///
/// # Panics
///
/// If all ports are taken.
#[must_use]
pub fn own_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % 400).expect("it is small");
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed))
        .map(|next| 10_000 + (50 * own + next) % 20_000)
        .take(20_000)
        .find(is_free)
        .expect("a free port")
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head, as received.
    pub head: String,
    /// The body.
    pub body: String,
    /// The time from connecting to the end of the answer.
    pub took: Duration,
}

/// Sends a GET request.
///
/// # Panics
///
/// If there is no answer.
#[track_caller]
#[must_use]
pub fn get(address: SocketAddr, path: &str) -> Answer {
    match ask(address, "GET", path, "", LIMIT) {
        Ok(answer) => answer,
        Err(error) => panic!("no answer to {path}: {error}"),
    }
}

/// Sends a request with further lines in its head, and waits for the answer for `limit` at most.
///
/// # Errors
///
/// If there is no answer.
pub fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    head: &str,
    limit: Duration,
) -> io::Result<Answer> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: test\r\n{head}\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let took = begun.elapsed();
    let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("no answer: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(bad)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok(Answer {
        status: status.ok_or_else(bad)?,
        head: head.to_owned(),
        body: body.to_owned(),
        took,
    })
}

impl Answer {
    /// Asserts the status, and that the body contains all of these parts.
    #[track_caller]
    pub fn expect(&self, status: u16, parts: &[&str]) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        assert!(
            parts.iter().all(|part| self.body.contains(part)),
            "no {parts:?} in {self:?}"
        );
        self
    }
}
