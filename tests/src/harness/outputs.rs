//! Pipes and folders that tests hand to programs.

use std::io::{PipeReader, PipeWriter, Write as _};

/// A temporary folder for tests with bounds in time: in memory where the system has a place for that, because a disk may
/// delay writes.
///
/// # Panics
///
/// If no folder can be created.
#[must_use]
pub fn folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory
        .or_else(|_| tempfile::tempdir())
        .expect("a folder")
}

/// A pipe that is full. Writes to it block as long as the reader is kept.
#[must_use]
pub fn full() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, true).expect("a pipe can be non-blocking");
    while writer.write(&[b'.'; 4096]).is_ok() {}
    while writer.write(b".").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).expect("a pipe can be blocking");
    (reader, writer)
}

/// A pipe whose reader is closed.
#[must_use]
pub fn gone() -> PipeWriter {
    std::io::pipe().expect("a pipe").1
}
