//! The lines that a program writes to its pipes, as the test reads them.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::LIMIT;

/// One piece of evidence: what a program did, and when.
#[derive(Debug, Clone)]
pub struct Line {
    /// The instant, on the monotonic clock that all processes share.
    pub at: Duration,
    /// What happened.
    pub what: String,
}

impl Line {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (at, what) = line.split_once(' ')?;
        Some(Self {
            at: Duration::from_nanos(at.parse().ok()?),
            what: what.to_owned(),
        })
    }
}

/// The lines of a pipe, which a thread reads as they arrive.
pub(super) struct Lines {
    coming: Receiver<String>,
    pub(super) seen: Vec<String>,
}

impl Lines {
    pub(super) fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let (line, coming) = channel();
        if let Some(pipe) = pipe {
            thread::spawn(move || {
                let mut pipe = BufReader::new(pipe);
                let mut bytes = Vec::new();
                while pipe
                    .read_until(b'\n', &mut bytes)
                    .is_ok_and(|read| read > 0)
                {
                    let text = String::from_utf8_lossy(&bytes)
                        .trim_end_matches('\n')
                        .to_owned();
                    bytes.clear();
                    if line.send(text).is_err() {
                        return;
                    }
                }
            });
        }
        Self {
            coming,
            seen: Vec::new(),
        }
    }

    /// Returns the first wanted line, among the lines already seen or the next ones within the [`LIMIT`].
    pub(super) fn until(
        &mut self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<String, RecvTimeoutError> {
        if let Some(line) = self.seen.iter().find(|line| is_wanted(line)) {
            return Ok(line.clone());
        }
        loop {
            let line = self.next()?;
            if is_wanted(&line) {
                return Ok(line);
            }
        }
    }

    pub(super) fn next(&mut self) -> Result<String, RecvTimeoutError> {
        self.next_within(LIMIT)
    }

    pub(super) fn next_within(&mut self, limit: Duration) -> Result<String, RecvTimeoutError> {
        let line = self.coming.recv_timeout(limit)?;
        self.seen.push(line.clone());
        Ok(line)
    }

    /// Reads to the end of the pipe.
    pub(super) fn take_rest(&mut self) -> Result<(), RecvTimeoutError> {
        match self.until(|_| false) {
            Err(RecvTimeoutError::Disconnected) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
