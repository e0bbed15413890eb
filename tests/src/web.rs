//! A client of the program `web`, byte by byte on a socket, because an HTTP library would retry, or insist on the
//! rules.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::harness::Run;

/// The limit of a read, far beyond what a test expects.
const LIMIT: Duration = Duration::from_secs(30);

/// Waits until the program prints its address.
pub fn address(run: &mut Run) -> SocketAddr {
    let line = run.until_stdout("at ");
    let (_, address) = line.rsplit_once(' ').expect("it says where");
    address.parse().expect("an address")
}

/// One connection.
#[derive(Debug)]
pub struct Client<S = TcpStream> {
    socket: S,
    read: Vec<u8>,
}

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The lines, in lower case.
    pub lines: Vec<String>,
}

impl Head {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.lines.iter().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Asserts that this is the answer to a late request.
    #[track_caller]
    pub fn expect_refusal(&self) {
        assert_eq!(self.status, 503, "{self:?}");
        assert_eq!(self.header("retry-after"), Some("1"), "{self:?}");
        assert_eq!(self.header("connection"), Some("close"), "{self:?}");
    }
}

impl Client {
    /// Connects.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("it is listening");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        Self::over(socket)
    }
}

impl<S: Read + Write> Client<S> {
    /// A client on that socket.
    pub fn over(socket: S) -> Self {
        let read = Vec::new();
        Self { socket, read }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.socket
            .write_all(bytes.as_ref())
            .expect("it takes them");
        self
    }

    /// Sends a request for that path.
    pub fn ask(&mut self, path: &str) -> &mut Self {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: web\r\n\r\n"))
    }

    /// The head of the next answer.
    pub fn head(&mut self) -> Head {
        self.try_head().expect("an answer")
    }

    /// The head of the next answer, or the error instead.
    ///
    /// # Errors
    ///
    /// If the connection fails, or ends without an answer.
    pub fn try_head(&mut self) -> io::Result<Head> {
        let text = self.try_until(b"\r\n\r\n")?;
        let mut lines = text.split("\r\n").map(str::to_lowercase);
        let status = lines.next().unwrap_or_default();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok(Head {
            status: status.unwrap_or_else(|| panic!("no answer but {text:?}")),
            lines: lines.collect(),
        })
    }

    /// The next bytes, up to and including `end`.
    pub fn until(&mut self, end: &str) -> String {
        self.try_until(end.as_bytes()).expect("it comes")
    }

    fn try_until(&mut self, end: &[u8]) -> io::Result<String> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|bytes| bytes == end) {
                let rest = self.read.split_off(at + end.len());
                let found = std::mem::replace(&mut self.read, rest);
                return Ok(String::from_utf8_lossy(&found).into_owned());
            }
            self.more()?;
        }
    }

    /// Reads some bytes.
    fn more(&mut self) -> io::Result<()> {
        let mut part = [0; 4096];
        loop {
            match self.socket.read(&mut part) {
                // A read with a timeout fails like this after the machine, or this container, was suspended.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    self.read.extend_from_slice(&part[..read?]);
                    return Ok(());
                }
            }
        }
    }

    /// Everything until the connection ends. A reset is an end, too.
    pub fn rest(&mut self) -> String {
        let result = self.socket.read_to_end(&mut self.read);
        if let Err(error) = result {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
        }
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }

    /// Sends a request for that path, and reads its answer, which must have a length.
    pub fn get(&mut self, path: &str) -> (Head, String) {
        let head = self.ask(path).head();
        let length = head
            .header("content-length")
            .and_then(|length| length.parse().ok());
        let length: usize = length.unwrap_or_else(|| panic!("no length: {head:?}"));
        while self.read.len() < length {
            self.more().expect("a body");
        }
        let rest = self.read.split_off(length);
        let body = std::mem::replace(&mut self.read, rest);
        (head, String::from_utf8_lossy(&body).into_owned())
    }
}
