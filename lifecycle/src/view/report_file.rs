//! Writes the report to the file that `LIFECYCLE_REPORT` names, on a thread of its own: a slow disk does not hold up
//! the console, and a blocked console does not hold up the file.
//!
//! The thread is spawned before the first start, when the process still has threads and memory to give.
//!
//! The file appears whole or not at all: it is written under a temporary name in the same folder, synced, and renamed.

use std::fs::{OpenOptions, remove_file, rename};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::{picture, report_json, say};
use crate::error::escape::escape;
use crate::error::failure::one_line;
use crate::plan::environment::report_path::{Format, ReportPath, check};
use crate::report::Report;

/// How much of the remaining time is kept for removing the temporary file and for the warning.
const CLEAR: Duration = Duration::from_millis(50);

/// The file to write, and the thread that writes it.
pub(super) struct ReportFile {
    reports: SyncSender<Report>,
    is_written: Receiver<()>,
    target: Target,
}

#[derive(Clone)]
struct Target {
    path: ReportPath,
    /// Its name until it is complete.
    temporary: PathBuf,
    /// Decides between the writer, which is about to rename, and the timeout, which gives up. The first to set it has
    /// decided whether there will be a file, and alone reports why there is none.
    settled: Arc<AtomicBool>,
}

impl ReportFile {
    pub(super) fn start(path: ReportPath) -> io::Result<Self> {
        let (reports, report) = sync_channel::<Report>(1);
        let (written, is_written) = sync_channel(1);
        // Random, and not the process id: in a container every process has the same one, and a temporary file of a
        // process that was killed may still be there.
        let random = RandomState::new().hash_one(());
        let temporary = path.folder.join(format!(".lifecycle-{random:016x}.tmp"));
        let target = Target {
            path,
            temporary,
            settled: Arc::default(),
        };
        let of_thread = target.clone();
        thread::Builder::new()
            .name("lifecycle-report".into())
            .spawn(move || {
                if let Ok(report) = report.recv() {
                    of_thread.write(&report);
                    let _ = written.send(());
                }
            })?;
        Ok(Self {
            reports,
            is_written,
            target,
        })
    }

    /// Hands the report to the thread, which begins to write it.
    pub(super) fn begin(&self, report: Report) {
        let _ = self.reports.try_send(report);
    }

    /// Waits until the file is written, for `remaining` at most. A file that is not complete by then is given up: its
    /// temporary file is removed.
    pub(super) fn wait(self, remaining: Duration) {
        let written = self
            .is_written
            .recv_timeout(remaining.saturating_sub(CLEAR));
        if written != Err(RecvTimeoutError::Timeout) || !self.target.settle() {
            return;
        }
        // What blocks the writer may block the removal and the warning as well, hence a thread that is not joined.
        let (cleared, is_cleared) = sync_channel(1);
        let spawned = thread::Builder::new()
            .name("lifecycle-report-clear".into())
            .spawn(move || {
                let _ = remove_file(&self.target.temporary);
                self.target.complain("there was no time for it");
                let _ = cleared.send(());
            });
        if spawned.is_ok() {
            let _ = is_cleared.recv_timeout(CLEAR);
        }
    }
}

impl Target {
    /// Writes the file, or warns that there is none.
    fn write(&self, report: &Report) {
        let prepared = self.prepare(report);
        if !self.settle() {
            // `wait` has given up: the process may be gone before a rename, or in the middle of what follows it.
            let _ = remove_file(&self.temporary);
            return;
        }
        if let Err(error) = prepared.and_then(|()| rename(&self.temporary, &self.path.file)) {
            let _ = remove_file(&self.temporary);
            self.complain(&one_line(&error));
        }
    }

    /// Writes and syncs the temporary file.
    fn prepare(&self, report: &Report) -> io::Result<()> {
        let text = match self.path.format {
            Format::Json => report_json::render(report)?,
            Format::Svg => picture::svg(report).into_bytes(),
            Format::Html => picture::html(report).into_bytes(),
            Format::Text => text(report).into_bytes(),
        };
        // Checked at the start already, but the target may have changed since. If it changes after this check, the
        // rename replaces it and never follows a symbolic link.
        check(&self.path.file)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.temporary)?;
        file.write_all(&text)?;
        file.sync_all()
    }

    /// Whether this call is the one that decides.
    fn settle(&self) -> bool {
        !self.settled.swap(true, Ordering::AcqRel)
    }

    fn complain(&self, why: &str) {
        let path = escape(&self.path.file.to_string_lossy());
        say(&format!("warning: no report was written to {path}: {why}"));
    }
}

/// The table, then where the time went.
fn text(report: &Report) -> String {
    format!("{report}\n{}\n{}", report.critical_path(), report.blame())
}

#[cfg(test)]
mod tests {
    use std::fs::{read_dir, write};
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_file_that_takes_too_long_is_given_up_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = ReportPath::new(folder.path().join("life.txt").as_ref()).unwrap();
        let file = ReportFile::start(path).unwrap();
        let target = file.target.clone();
        // As far as a slow disk may have come.
        write(&target.temporary, "half of").unwrap();
        let (_never, is_written) = sync_channel(1);
        let begun = Instant::now();
        ReportFile { is_written, ..file }.wait(2 * CLEAR);
        let took = begun.elapsed();
        assert!(took >= CLEAR, "{took:?}");
        // `wait` does not wait for the removal longer than there is time.
        let begun = Instant::now();
        while !is_empty(folder.path()) {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "the temporary file is still there"
            );
            thread::yield_now();
        }
        // The writer comes to its end later.
        target.write(&Report::sample(0));
        assert!(is_empty(folder.path()));
    }

    fn is_empty(folder: &Path) -> bool {
        read_dir(folder).unwrap().next().is_none()
    }
}
